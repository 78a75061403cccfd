/** holdfast verify --in-place: a fresh read of the durable tier through the run's machine, every checkpoint loaded, receipt signed. */
import type { PullResult, RunCustody } from "../../custody";
import type { Manifest, Receipt, Signed } from "../../custody/formats";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import type { Plan } from "../../profiles/plan";
import type { ExitCode } from "../exitCodes";
import { renderCopy } from "../render/copy";
import { runSteps } from "../render/progress";
import { formatBytes, formatDuration, plural } from "../render/units";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";
import { describeProgress, noMachine } from "./pull";

interface Verified {
  readonly manifest: Manifest;
  readonly receipt: Signed<Receipt>;
  readonly result: PullResult;
}

/** Throws UserError: no machine, `verify-failed` with each file; RemoteUnreachable when it does not answer. Signs nothing then. */
export async function verifyRunInPlace(session: Session, text: string | undefined, giveUp: readonly string[]): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "verify --in-place");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const remote = remoteForRun(run, { clock: session.clock });
  if (remote === null) throw noMachine(run);
  try {
    const verified = await readAndSign(session, run, remote, giveUp);
    await shareEvidence(session, run, remote);
    const { adopted, plan } = run.view();
    const unusable = adopted ? "whoever ends the machine ends them with it" : whyNotEnough(plan as Plan | null);
    if (session.json) session.printJson(report(verified, unusable));
    else session.print(render(session, run, verified, unusable));
    return undefined;
  } finally {
    await remote.close();
  }
}

async function readAndSign(session: Session, run: RunCustody, remote: Remote, giveUp: readonly string[]): Promise<Verified> {
  const { takeRunManifest } = await import("../../providers/teardown/facts.js");
  const { verifyInPlace } = await import("../../custody/index.js");
  let verified: Verified | undefined;
  await runSteps(session, [
    {
      title: `Read and load ${runId(run.ref)} on ${remote.description}`,
      run: async (say) => {
        const manifest = await takeRunManifest(run, remote);
        const { receipt, result } = await verifyInPlace(run, remote, manifest, {
          clock: session.clock,
          signal: session.signal,
          giveUp,
          onProgress: (progress) => {
            say(describeProgress(progress));
          },
        });
        verified = { manifest, receipt, result };
        return `${formatBytes(result.bytes)} in ${formatDuration(result.seconds)}, ${plural(receipt.content.loaded.length, "file")} loaded`;
      },
    },
  ]);
  if (verified === undefined) throw new Error("the step did not run");
  return verified;
}

/** The receipt is true in any case; whether it opens the gate is the plan's. null: it can. Pure. */
export function whyNotEnough(plan: Plan | null): string | null {
  if (plan === null) return "the ledger holds no plan";
  const { teardown, durable } = plan;
  if (teardown.deletions.some((deletion) => deletion.tiersLost.includes(durable.tier))) return "the end of this run deletes the place itself (teardown.storage: delete)";
  return teardown.require === "verifiedInPlace" ? null : "teardown.require is pulled";
}

function report({ manifest, receipt, result }: Verified, unusable: string | null): Record<string, unknown> {
  const { manifestSha256, files, bytes, seconds, notLoaded } = result;
  const { id, how, place, loaded } = receipt.content;
  return { how, place, manifestSha256, files, bytes, seconds, closed: manifest.closed, cells: manifest.cells, receipt: id, keyId: receipt.keyId, loaded, notLoaded, enoughForTheEnd: unusable === null, because: unusable };
}

function render(session: Session, run: RunCustody, { manifest, receipt, result }: Verified, unusable: string | null): string {
  const { paint } = session;
  const id = runId(run.ref);
  return [
    ...(manifest.cells.length === 0 ? [] : [renderCopy(manifest, { directory: manifest.place.directory, verdicts: result.verdicts }, { paint, width: session.width }), ""]),
    paint("good", `Receipt ${receipt.content.id}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, read where they lie (${receipt.content.place.host}:${receipt.content.place.directory}). No copy was kept.`),
    ...(unusable === null ? [] : [paint("warn", `For the end of the run this is not enough: ${unusable}.`)]),
    `  ${paint("faint", "next:")} ${unusable === null ? `holdfast approve ${id}` : `holdfast pull ${id}`}`,
  ].join("\n");
}
