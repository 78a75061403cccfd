/** holdfast status: one look at a run. Asks the machine; where it does not answer, says so and shows what the ledger knows. */
import { Command } from "commander";
import type { RunCustody, RunView } from "../../custody";
import { runId } from "../../custody/formats";
import { RemoteUnreachable } from "../../custody/remote";
import type { Plan } from "../../profiles/plan";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderStatus } from "../render/status";
import type { RunCost } from "../runs/cost";
import { costOf } from "../runs/cost";
import { isLive, openRun } from "../runs/project";
import type { RemoteStatus } from "../runs/remoteStatus";
import type { Session } from "../terminal";

/** One look. `status --json` prints it with the fields of `remote` beside the others. */
export interface StatusReport {
  readonly run: string;
  readonly state: "live" | "ended";
  readonly platform: string;
  readonly api: string;
  readonly machine: { readonly id: string; readonly name: string; readonly address: string | null; readonly since: string } | null;
  readonly roster: readonly string[];
  readonly checkpointEverySeconds: number | null;
  /** null when the machine did not answer; `unreachable` says why. */
  readonly remote: RemoteStatus | null;
  readonly unreachable: string | null;
  readonly cost: RunCost;
  readonly evidence: { readonly newestManifest: string | null; readonly receipts: number; readonly approvals: number; readonly lastRefusal: string | null };
  readonly now: string;
}

export function statusCommand(cli: Cli): Command {
  return new Command("status")
    .summary("cells, attempts, checkpoint age, disk, cost of a run")
    .description("show cells, attempts, checkpoint age, disk, writer and cost of a run")
    .argument(runArgument, runArgumentHelp)
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast status", "the live run"], ["holdfast status holdfast/dev/digits --json", "for programs; exit code 5 when the machine does not answer"]))
    .action(cli.action((session, [run]: [string | undefined]) => show(session, run)));
}

async function show(session: Session, text: string | undefined): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "status");
  const report = await readStatus(session, run);
  if (session.json) session.printJson(flatten(report));
  else session.print(renderStatus(report, { paint: session.paint, width: session.width }));
  return report.state === "live" && report.unreachable !== null ? exitCodes.unreachable : undefined;
}

/** For programs: what the machine said stands beside what the ledger says; null or empty when it did not answer. */
function flatten({ remote, ...known }: StatusReport): Record<string, unknown> {
  const silent = { writer: null, session: null, cells: [], heartbeat: null, closed: null, newestCheckpoint: null, bytesFree: null, bytesTotal: null, inodesFree: null };
  return { ...(remote ?? silent), ...known };
}

export async function readStatus(session: Session, run: RunCustody): Promise<StatusReport> {
  const view = run.view();
  const seen = await look(session, run, view);
  const plan = view.plan as Plan | null;
  const instance = view.resources.get("instance");
  return {
    run: runId(run.ref),
    state: isLive(view) ? "live" : "ended",
    platform: view.endpoint.platform,
    api: view.endpoint.api,
    machine: instance === undefined ? null : { id: instance.id, name: instance.name, address: addressOf(view), since: instance.since },
    roster: [...view.roster],
    checkpointEverySeconds: plan?.checkpoint.everySeconds ?? null,
    ...seen,
    cost: costOf(run.entries(), session.clock.now()),
    evidence: {
      newestManifest: view.newestManifest?.manifestSha256 ?? null,
      receipts: view.receipts.length,
      approvals: view.approvals.length,
      lastRefusal: view.refusals.at(-1)?.at ?? null,
    },
    now: session.clock.now().toISOString(),
  };
}

async function look(session: Session, run: RunCustody, view: RunView): Promise<{ remote: RemoteStatus | null; unreachable: string | null }> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { readRemoteStatus } = await import("../runs/remoteStatus.js");
  const remote = remoteForRun(run, { clock: session.clock, attempts: 2 });
  if (remote === null) return { remote: null, unreachable: view.resources.has("instance") ? "its address or key is not known" : "no machine stands" };
  try {
    if (jobPlace(view) === null) return { remote: null, unreachable: "no job was placed on the machine yet" };
    return { remote: await readRemoteStatus(run, remote), unreachable: null };
  } catch (error) {
    if (error instanceof RemoteUnreachable) return { remote: null, unreachable: error.message };
    throw error;
  } finally {
    await remote.close();
  }
}

const addressOf = (view: RunView): string | null => (view.address === null ? null : `${view.address.user}@${view.address.host}:${view.address.port}`);
