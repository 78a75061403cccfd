/** Where inputs are on the instance, and what the spec folder says of them. Pure. */
import { basename, posix } from "node:path";
import { sha256Hex } from "../../custody";
import { runId } from "../../custody/formats";
import type { Plan, PlanCell, PlanInput } from "../../profiles/plan";
import { shellWord } from "../ssh/outcome";

/** Paths on the instance. `entry` is a folder named for the content, which appears once the input is whole; null where it is only looked at. */
export interface InputPlace {
  readonly entry: string | null;
  /** The file or folder itself: what the payload's variable holds. */
  readonly target: string;
  /** Where a push from this machine waits until it has been checked; null for what the instance fetches. */
  readonly pushed: string | null;
}

/** Own disk for `copy`; for `cached` a folder of the durable tier that runs share. A path in `holdfast/` there would be taken for a run. */
export function inputPlace(input: PlanInput, plan: Plan, mountPoint: string): InputPlace {
  if (input.mode === "mount") return { entry: null, target: input.source, pushed: null };
  const folder = input.mode === "cached" ? `${mountPoint}/.cache/holdfast/inputs` : `${plan.ownDisk.home}/holdfast/inputs`;
  const entry = `${folder}/${contentName(input)}`;
  return { entry, target: `${entry}/${fileName(input)}`, pushed: input.kind === "local" ? `${entry}.pushed-${sha256Hex(runId(plan.run)).slice(0, 12)}` : null };
}

const contentName = ({ sha256, source }: PlanInput): string => (sha256 === null ? `from-${sha256Hex(source).slice(0, 24)}` : sha256.slice(0, 32));

/** The source's own name, because loaders go by endings such as .csv.gz. */
function fileName({ kind, source }: PlanInput): string {
  const path = kind === "url" ? decodedPath(source) : kind === "bucket" ? source.slice("s3://".length) : source;
  const name = (kind === "local" ? basename(path) : posix.basename(path)).replaceAll(/[^A-Za-z0-9._+@=-]/g, "_").slice(0, 128);
  return /^[._-]*$/.test(name) ? "data" : name;
}

function decodedPath(url: string): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** `inputs/NAME` for fetch_inputs.sh, `inputs/NAME.env` for the payload; relative to the spec folder. */
export function inputFiles(plan: Plan, mountPoint: string): Map<string, string> {
  return new Map(
    plan.inputs.flatMap((input) => {
      const { entry, target, pushed } = inputPlace(input, plan, mountPoint);
      const lines: Record<string, string> = {
        kind: input.kind,
        // Of a local one only the content counts: where it lay is this machine's business.
        ...(input.kind === "local" ? {} : { source: input.source }),
        mode: input.mode,
        target,
        max_seconds: String(input.maxSeconds),
        python: plan.host.python,
        ...(entry === null ? {} : { entry }),
        ...(pushed === null ? {} : { pushed }),
        ...(input.sha256 === null ? {} : { sha256: input.sha256 }),
        ...(input.bytes === null ? {} : { bytes: String(input.bytes) }),
        ...(input.token === null ? {} : { token: input.token }),
      };
      return [
        [`inputs/${input.name}`, Object.entries(lines).map(([key, value]) => `${key}=${value}\n`).join("")],
        [`inputs/${input.name}.env`, `export ${input.variable}=${shellWord(target)}\n`],
      ];
    }),
  );
}

/** The names of what one cell reads; no file for a cell without inputs. */
export const cellInputFiles = (cell: PlanCell): Map<string, string> =>
  new Map(cell.inputs.length === 0 ? [] : [[`cells/${cell.name}/inputs`, cell.inputs.map((name) => `${name}\n`).join("")]]);
