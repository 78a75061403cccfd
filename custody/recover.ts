/**
 * Recover: rebuild the custody of a run in another checkout from the copies beside its artifacts. The chain of a copied ledger
 * shows that it is whole, not who wrote it: from the recovery on, no grant and no `disposable` of before counts (custody/view.ts).
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { adoptEvidence, type JudgeEndpoint, type RecoverReport } from "./adopt";
import type { Clock } from "./clock";
import { systemClock } from "./clock";
import { LEDGER_COPY, listCopy } from "./copies";
import { runId, type RunRef } from "./formats";
import { assertRunRef, parseLedger } from "./ledger";
import type { Remote } from "./remote";
import { custodyRootOf } from "./store";
import { UserError } from "./userError";

export type { JudgeEndpoint, RecoverReport } from "./adopt";

/**
 * `directory`: `<run directory>/custody` on the durable tier. Makes the store here when there is none, with the id of the
 * one that is recovered. Throws RemoteUnreachable; UserError `nothing-to-recover`, `ledger-broken` (the copy's chain), `foreign-endpoint`,
 * `custody-conflict` (another store with runs of its own is here).
 */
export async function recoverRun(
  projectRoot: string, remote: Remote, directory: string, run: RunRef, options: { clock?: Clock; judgeEndpoint?: JudgeEndpoint } = {},
): Promise<RecoverReport> {
  assertRunRef(run);
  const clock = options.clock ?? systemClock;
  const root = custodyRootOf(projectRoot);
  const temporary = join(root, "tmp", `recover-${process.pid}-${clock.now().getTime()}`);
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  try {
    const names = await listCopy(remote, directory);
    if (!names.includes(LEDGER_COPY)) {
      throw new UserError(`${remote.description}: ${directory} holds no copy of a ledger, so there is nothing to recover ${runId(run)} from.`, { code: "nothing-to-recover", next: ["holdfast audit"] });
    }
    await remote.pull(directory, temporary, { files: names });
    const source = `${remote.description}:${directory}`;
    const { entries } = parseLedger(readFileSync(join(temporary, LEDGER_COPY), "utf8"), run, `the copy in ${source}`);
    return adoptEvidence({ projectRoot, root, temporary, names, run, clock, source, entries, vouched: false, ...(options.judgeEndpoint === undefined ? {} : { judgeEndpoint: options.judgeEndpoint }) });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
