/** What the instance says of a run that may be going on: its queue, what waits for it, and every cell. */
import { basename } from "node:path";
import { z } from "zod";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { FoundCell } from "./edits";
import type { JobPlace } from "./layout";

export interface LiveRun {
  /** `none` only when the instance is certain. */
  readonly writer: string;
  /** Of the queue that took the writer lock last; 0 and null when none ever did. */
  readonly epoch: number;
  /** Names of the folders that it works from. */
  readonly spec: string | null;
  readonly code: string | null;
  /** Every cell of its roster is dealt with. */
  readonly closed: boolean;
  /** The last edit that it did not take up. */
  readonly refused: { readonly spec: string; readonly why: string; readonly cells: readonly string[] } | null;
  readonly cells: ReadonlyMap<string, FoundCell>;
  /** Cells for which an order waits. */
  readonly orders: ReadonlySet<string>;
}

const hash = z.string().nullish();

const statusSchema = z.looseObject({
  writer: z.string(),
  cells: z.array(z.looseObject({ cell: z.string(), state: z.string(), begun: z.boolean(), attempt: z.number().nullish(), cause: z.string().nullish(), configSha256: hash, codeSha256: hash, inputsSha256: hash, class: z.string().nullish(), certainty: z.string().nullish(), retries: z.number().nullish(), evidence: z.array(z.string()).nullish() })),
  queue: z.looseObject({ epoch: z.number(), spec: z.string(), code: z.string() }).nullable(),
  closed: z.looseObject({}).nullable(),
  refused: z.looseObject({ spec: z.string(), why: z.string(), cells: z.array(z.string()) }).nullable(),
  orders: z.array(z.string()),
});

/** `place.scripts` must be of this version. Throws RemoteUnreachable, or UserError for an answer that is not understood. */
export async function readLiveRun(remote: Remote, place: Pick<JobPlace, "scripts" | "directory">, options: { timeoutSeconds?: number } = {}): Promise<LiveRun> {
  const result = await remote.exec(["sh", `${place.scripts}/status.sh`, place.directory], { timeoutSeconds: options.timeoutSeconds ?? 60 });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the run's state was read");
  // 40: there is no run directory yet.
  if (result.exitCode === 40) return { writer: "none", epoch: 0, spec: null, code: null, closed: false, refused: null, cells: new Map(), orders: new Set() };
  const parsed = statusSchema.safeParse(parseJson(result.stdout));
  if (result.exitCode !== 0 || !parsed.success) {
    throw new UserError(`${remote.description}: status.sh did not answer as expected (exit code ${result.exitCode}), so it is unknown what the run is doing: ${result.stderr.trim()}`, { code: "remote-command" });
  }
  const { writer, cells, queue, closed, refused, orders } = parsed.data;
  return {
    writer,
    epoch: queue?.epoch ?? 0,
    spec: queue === null ? null : basename(queue.spec),
    code: queue === null ? null : basename(queue.code),
    closed: closed !== null,
    refused: refused === null ? null : { ...refused, spec: basename(refused.spec) },
    cells: new Map(cells.map(({ cell, state, begun, attempt, cause, configSha256, codeSha256, inputsSha256, ...why }) => [
      cell,
      {
        state, begun, attempt: attempt ?? 0, cause: cause ?? null, configSha256: configSha256 ?? null, codeSha256: codeSha256 ?? null, inputsSha256: inputsSha256 ?? null,
        class: why.class ?? null, certainty: why.certainty ?? null, retries: why.retries ?? 0, evidence: why.evidence ?? [],
      },
    ])),
    orders: new Set(orders),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
