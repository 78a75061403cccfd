/** The folder that tells the instance what to run: queue, environment, one folder per cell. Pure: paths to contents. */
import { createHash } from "node:crypto";
import type { Plan, PlanCell } from "../../profiles/plan";
import { runId } from "../../custody/formats";
import { shellWord } from "../ssh/outcome";
import { cellInputFiles, inputFiles } from "./inputs";
import { lockFiles } from "./lock";

/** Floors under which a cell does not start: room for what it writes. Bytes and inodes on the durable tier. */
export interface Floors {
  readonly bytes: number;
  readonly inodes: number;
}

export const defaultFloors: Floors = { bytes: 256 * 1024 * 1024, inodes: 1000 };

/** How often a cell is tried again by itself without a new checkpoint, where the cause may pass: hardware, a reboot. */
const maxRetries = 2;

const exports_ = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join("");

/** Files of one cell, relative to the spec folder. */
export function cellFiles(cell: PlanCell): Map<string, string> {
  const folder = `cells/${cell.name}`;
  return new Map([
    [`${folder}/command`, `${cell.command}\n`],
    [`${folder}/env`, ""],
    // What the cell is, what it is run with, what it reads: a cell that has begun is held against it.
    [`${folder}/sha256`, `${cell.configSha256}\ncode ${cell.codeSha256}\n${cell.inputsSha256 === null ? "" : `inputs ${cell.inputsSha256}\n`}`],
    ...cellInputFiles(cell),
  ]);
}

/** All files of the spec folder. `mountPoint` fills the templates of the cache environment. */
export function buildSpec(plan: Plan, mountPoint: string, floors: Floors = defaultFloors): Map<string, string> {
  const caches = Object.fromEntries(Object.entries(plan.host.cacheEnvironment).map(([name, value]) => [name, value.replaceAll("{mount}", mountPoint)]));
  const files = new Map<string, string>([
    ["queue", plan.cells.map((cell) => `${cell.name}\n`).join("")],
    ["env", exports_({ HOLDFAST_RUN: runId(plan.run), ...cadenceInSteps(plan), ...caches, ...plan.environment })],
    ["secrets-names", plan.secretNames.map((name) => `${name}\n`).join("")],
    [
      "limits",
      [
        `bytes_floor=${floors.bytes}`,
        `inodes_floor=${floors.inodes}`,
        `max_retries=${maxRetries}`,
        "retry_backoff_seconds=10",
        `checkpoint_every_seconds=${plan.checkpoint.everySeconds}`,
        "heartbeat_seconds=5",
        `setup_max_seconds=${plan.setupMaxSeconds}`,
        // A share that is not mounted after a reboot would be a plain folder on the own disk: the queue refuses it.
        `mount=${mountPoint}`,
        "",
      ].join("\n"),
    ],
    ...inputFiles(plan, mountPoint),
    ...lockFiles(plan),
  ]);
  if (plan.host.proxyHook !== null) files.set("proxy", `${plan.host.proxyHook}\n`);
  if (plan.host.tensorboardDirectory !== null) files.set("tensorboard", `${plan.host.tensorboardDirectory.replaceAll("{mount}", mountPoint)}\n`);
  if (plan.setup !== null) files.set("setup", `${plan.setup}\n`);
  for (const cell of plan.cells) for (const [path, content] of cellFiles(cell)) files.set(path, content);
  return files;
}

/** Beside the plan's environment, which is part of what a cell is: another cadence makes no other cell. */
const cadenceInSteps = ({ checkpoint: { everySteps } }: Plan): Record<string, string> => (everySteps == null ? {} : { HOLDFAST_CHECKPOINT_EVERY_STEPS: String(everySteps) });

/** Content hash of a spec: what its folder on the instance is named for. */
export function specSha256(files: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path}\0${content.length}\0${content}`);
  return hash.digest("hex");
}
