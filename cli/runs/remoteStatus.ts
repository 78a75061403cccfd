/** What status.sh says about a run, read leniently: a script of another version may say more or less. */
import { z } from "zod";
import type { RunCustody } from "../../custody";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";

const checkpoint = z.looseObject({ path: z.string(), mtime: z.number(), bytes: z.number(), ageSeconds: z.number() });

const cell = z.looseObject({
  cell: z.string(),
  state: z.string(),
  attempt: z.number().nullish(),
  exit: z.number().nullish(),
  cause: z.string().nullish(),
  class: z.string().nullish(),
  certainty: z.string().nullish(),
  retries: z.number().nullish(),
  evidence: z.array(z.string()).nullish(),
  startedAt: z.string().nullish(),
  endedAt: z.string().nullish(),
  pid: z.number().nullish(),
  pgid: z.number().nullish(),
  newestCheckpoint: checkpoint.nullish(),
});

const gpu = z.looseObject({
  index: z.number().nullish(),
  name: z.string().nullish(),
  utilizationPercent: z.number().nullish(),
  memoryUsedMiB: z.number().nullish(),
  memoryTotalMiB: z.number().nullish(),
  celsius: z.number().nullish(),
});

const heartbeat = z.looseObject({
  at: z.string(),
  epoch: z.number().nullish(),
  cell: z.string().nullish(),
  memoryBytes: z.number().nullish(),
  memoryLimitBytes: z.number().nullish(),
  gpu: z.array(gpu).nullish().catch(null),
  uptimeSeconds: z.number().nullish(),
});

const input = z.looseObject({ input: z.string(), state: z.string(), why: z.string().nullish(), bytes: z.number().nullish() });

const status = z.looseObject({
  writer: z.string(),
  session: z.unknown(),
  cells: z.array(cell),
  heartbeat: heartbeat.nullish(),
  closed: z.looseObject({ at: z.string(), complete: z.array(z.string()), failed: z.array(z.string()) }).nullish(),
  newestCheckpoint: checkpoint.nullish(),
  setup: z.looseObject({ state: z.string(), why: z.string().nullish(), kept: z.string().nullish() }).nullish(),
  inputs: z.array(input).nullish(),
  bytesFree: z.number().nullish(),
  bytesTotal: z.number().nullish(),
  inodesFree: z.number().nullish(),
  now: z.union([z.string(), z.number()]).nullish(),
});

export type RemoteStatus = z.infer<typeof status>;
export type RemoteCell = z.infer<typeof cell>;
export type Gpu = z.infer<typeof gpu>;

/** Throws RemoteUnreachable, or UserError when the scripts are not there or answer something else. */
export async function readRemoteStatus(run: RunCustody, remote: Remote, options: { timeoutSeconds?: number; signal?: AbortSignal } = {}): Promise<RemoteStatus> {
  const { jobPlace } = await import("../../providers/job/layout.js");
  const place = jobPlace(run.view());
  if (place === null) throw new UserError("No job was placed on the instance yet.", { code: "nothing-to-do", next: ["pulumi up (or npm run up)"] });
  const result = await remote.exec(["sh", `${place.scripts}/status.sh`, place.directory], { timeoutSeconds: 30, ...options });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "it did not answer in time, or the connection ended");
  if (result.exitCode !== 0) {
    throw new UserError(`${remote.description}: status.sh ended with exit code ${result.exitCode}: ${result.stderr.trim()}`, { code: "remote-command" });
  }
  return parseRemoteStatus(result.stdout);
}

export function parseRemoteStatus(text: string): RemoteStatus {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`status.sh did not answer with JSON: ${text.slice(0, 200).trim() || "nothing"}`, { code: "remote-command" });
  }
  const parsed = status.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`status.sh answered something else than expected:\n${z.prettifyError(parsed.error)}`, { code: "remote-command" });
}
