/** holdfast lease: how long a run was meant to take; renewed or ended by an explicit act. Its end destroys nothing. */
import { Command } from "commander";
import type { Lease, RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { formatDuration, formatTime, formatUsd } from "../render/units";
import { parseDuration } from "../runs/duration";
import { isLive, openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";

interface RenewOptions {
  readonly for: number;
  readonly reason?: string;
}

export function leaseCommand(cli: Cli): Command {
  const lease = new Command("lease").summary("how long a run may take: show, renew, end").description("show, renew or end a run's lease; its end destroys nothing, it is when somebody has to look")
    .addOption(jsonOption());
  lease
    .command("show", { isDefault: true })
    .description("until when, whose, and what it costs until then")
    .argument(runArgument, runArgumentHelp)
    .addOption(jsonOption())
    .action(cli.action((session, [run]: [string | undefined]) => show(session, run)));
  lease
    .command("renew")
    .description("let the run take longer")
    .argument(runArgument, runArgumentHelp)
    .requiredOption("--for <duration>", "from now on, for example 6h", parseDuration)
    .option("--reason <text>", "kept in the ledger")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast lease renew digits --for 6h", "six hours from now"]))
    .action(cli.action((session, [run]: [string | undefined], options: RenewOptions) => renew(session, run, options)));
  lease
    .command("end")
    .description("say that the run has taken long enough: the keeper pulls, proves, and ends it within a standing approval")
    .argument(runArgument, runArgumentHelp)
    .option("--reason <text>", "kept in the ledger")
    .addOption(jsonOption())
    .action(cli.action((session, [run]: [string | undefined], options: { readonly reason?: string }) => end(session, run, options)));
  return lease.addHelpText("after", examples(["holdfast lease", "of the live run"], ["holdfast lease renew digits --for 6h", "it may take longer"], ["holdfast lease end digits", "it has taken long enough"]));
}

async function show(session: Session, text: string | undefined): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "lease");
  return tell(session, run);
}

async function renew(session: Session, text: string | undefined, options: RenewOptions): Promise<ExitCode | undefined> {
  const { renewedUntil, whoTypes } = await import("../../custody/index.js");
  const run = await openLive(session, text, "lease renew");
  const lease = await leaseOfRun(run);
  const until = renewedUntil(lease, options.for / 3600, session.clock.now());
  if (until === lease?.until) throw new UserError(`The lease of ${runId(run.ref)} runs until ${formatTime(until)} anyway.`, { code: "nothing-to-do", next: [`holdfast lease renew ${runId(run.ref)} --for LONGER`] });
  run.append("lease.renewed", { by: whoTypes(), until, why: options.reason ?? "renewed by hand" });
  await shareEvidence(session, run);
  return tell(session, run);
}

async function end(session: Session, text: string | undefined, options: { readonly reason?: string }): Promise<ExitCode | undefined> {
  const { whoTypes } = await import("../../custody/index.js");
  const run = await openLive(session, text, "lease end");
  if (run.view().lease?.ended === true) throw new UserError(`The lease of ${runId(run.ref)} was ended already.`, { code: "nothing-to-do", next: [`holdfast keeper ${runId(run.ref)} --once`] });
  run.append("lease.ended", { by: whoTypes(), why: options.reason ?? "ended by hand" });
  await shareEvidence(session, run);
  return tell(session, run);
}

async function openLive(session: Session, text: string | undefined, command: string): Promise<RunCustody> {
  const { run } = await openRun(session, text, command);
  if (!isLive(run.view())) throw new UserError(`${runId(run.ref)} has ended, and its lease with it.`, { code: "nothing-to-do", next: ["holdfast ls"] });
  return run;
}

async function leaseOfRun(run: RunCustody): Promise<Lease | null> {
  const { leaseOf } = await import("../../custody/index.js");
  const view = run.view();
  return leaseOf(view, (view.plan as Plan | null)?.budget.maxHours ?? null);
}

async function tell(session: Session, run: RunCustody): Promise<undefined> {
  const { costOf } = await import("../../custody/index.js");
  const lease = await leaseOfRun(run);
  const view = run.view();
  const maxUsd = (view.plan as Plan | null)?.budget.maxUsd ?? null;
  const now = session.clock.now();
  const cost = costOf(run.entries(), now);
  const leftSeconds = lease === null ? null : (Date.parse(lease.until) - now.getTime()) / 1000;
  const usdAtEnd = leftSeconds === null ? null : cost.usdSoFar + Math.max(0, leftSeconds / 3600) * cost.usdPerHour;
  if (session.json) {
    session.printJson({ run: runId(run.ref), lease, leftSeconds, usdSoFar: cost.usdSoFar, usdPerHour: cost.usdPerHour, usdAtEnd, maxUsd, costIncomplete: cost.incomplete });
    return undefined;
  }
  const money = `${formatUsd(cost.usdSoFar)} so far, ${formatUsd(cost.usdPerHour)} per hour${usdAtEnd === null ? "" : `, ${formatUsd(usdAtEnd)} by then`}${maxUsd === null ? "" : `, budget ${formatUsd(maxUsd)}`}`;
  if (lease === null || leftSeconds === null) session.print(`${runId(run.ref)} has no lease: nothing bounds how long it may take (${money}).\n  ${session.paint("faint", "next:")} holdfast lease renew ${runId(run.ref)} --for 12h`);
  else {
    const over = leftSeconds <= 0;
    const when = over ? session.paint("warn", `ended ${formatDuration(-leftSeconds)} ago`) : `runs until ${formatTime(lease.until)}, ${formatDuration(leftSeconds)} from now`;
    const next = over ? [`holdfast lease renew ${runId(run.ref)} --for 6h`, `holdfast keeper ${runId(run.ref)} --once (pulls, proves, and ends it within a standing approval)`] : [];
    session.print([`The lease of ${runId(run.ref)} ${when}${lease.owner === null ? "" : `; owner ${lease.owner}`}${lease.renewals === 0 ? "" : `, renewed ${lease.renewals} times`}.`, money, ...next.map((step) => `  ${session.paint("faint", "next:")} ${step}`)].join("\n"));
  }
  return undefined;
}
