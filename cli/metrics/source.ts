/** Where a run's curves come from: the machine while one stands and answers, else the newest pulled copy on this computer. */
import { createReadStream, existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RunCustody, RunView } from "../../custody";
import { runId } from "../../custody/formats";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";
import { metricsFile, readLiveMetrics, rowsWanted } from "./live";
import type { CellMetrics } from "./series";
import { parseMetrics } from "./series";

export interface RunMetrics {
  /** In the order of the roster; only cells that have any. */
  readonly cells: readonly CellMetrics[];
  readonly from: { readonly kind: "machine" | "copy"; readonly place: string; /** Why it is not the machine, where one stands. */ readonly instead: string | null };
}

/** With `copyOnly` no machine is asked. Throws RemoteUnreachable when the machine is silent and there is no copy, UserError `no-machine` when there is neither. */
export async function readMetrics(session: Session, run: RunCustody, view: RunView, options: { readonly copyOnly: boolean }): Promise<RunMetrics> {
  if (options.copyOnly) return fromCopy(run, view, null);
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const place = jobPlace(view);
  const remote = remoteForRun(run, { clock: session.clock, attempts: 2 });
  if (place === null || remote === null) return fromCopy(run, view, null);
  try {
    return { cells: await readLiveMetrics(remote, place.directory, [...view.roster]), from: { kind: "machine", place: `${remote.description}:${place.directory}`, instead: null } };
  } catch (error) {
    if (!(error instanceof RemoteUnreachable)) throw error;
    if (newestCopy(run, view) === null) throw error;
    return await fromCopy(run, view, error.message);
  } finally {
    await remote.close();
  }
}

async function fromCopy(run: RunCustody, view: RunView, instead: string | null): Promise<RunMetrics> {
  const directory = newestCopy(run, view);
  if (directory === null) throw new UserError(`No machine of ${runId(run.ref)} is asked, and there is no pulled copy on this computer.`, { code: "no-machine", next: [`holdfast pull ${runId(run.ref)}`, "holdfast ls"] });
  const cells: CellMetrics[] = [];
  for (const cell of view.roster) {
    const path = join(directory, "cells", cell, metricsFile);
    if (existsSync(path)) cells.push(await readFileThinned(cell, path));
  }
  return { cells, from: { kind: "copy", place: directory, instead } };
}

/** The folder that the newest pull on this computer went to, while it is still there. */
export function newestCopy(run: RunCustody, view: RunView): string | null {
  const pulled = view.pulls.filter(({ host }) => host === hostname()).map(({ directory }) => directory);
  return [...pulled.reverse(), run.paths.pulled].find((directory) => existsSync(join(directory, "cells"))) ?? null;
}

/** As `live.ts` thins on the machine: never more rows in memory than can be drawn. */
async function readFileThinned(cell: string, path: string): Promise<CellMetrics> {
  const lines = (): AsyncIterable<string> => createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
  let count = 0;
  for await (const _line of lines()) count += 1;
  const every = Math.floor(count / rowsWanted) + 1;
  const kept: string[] = [];
  let number = 0;
  for await (const line of lines()) {
    number += 1;
    if (line.length < 65_536 && ((number - 1) % every === 0 || number >= count - 1 || /NaN|Infinity/.test(line))) kept.push(line);
  }
  return parseMetrics(cell, `${kept.join("\n")}\n`, every);
}
