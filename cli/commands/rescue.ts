/** holdfast rescue: reads storage that no machine of its run can read any more, through the cheapest one, and ends that again. */
import { Command } from "commander";
import type { RunCustody } from "../../custody";
import { assertNotAdopted } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { confirmByName } from "../render/ask";
import { renderTable } from "../render/table";
import { formatBytes, formatDuration, formatUsd } from "../render/units";
import { parseDuration } from "../runs/duration";
import { openRun } from "../runs/project";
import type { Rescued, RescuePlan } from "../runs/rescue";
import { planRescue, readerEdges, rescue } from "../runs/rescue";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";
import type { Pulled } from "./pull";
import { pullRun, renderPulled, report } from "./pull";

interface RescueOptions {
  readonly confirm?: string;
  readonly maxTime: number;
  readonly partial?: readonly string[];
  readonly to?: string;
  readonly end?: boolean;
}

export function rescueCommand(cli: Cli): Command {
  return new Command("rescue")
    .summary("read storage that no machine can read any more, through the cheapest one")
    .description(
      "when a run has no machine and its storage stands: launch the cheapest instance that can mount it, pull and prove the artifacts, list what else lies there, " +
        "and end that instance again with a proof that it is gone. It bills while it stands; its price and bound are shown and asked first",
    )
    .argument(runArgument, runArgumentHelp)
    .option("--confirm <name>", "the run's name, instead of typing it when asked")
    .option("--max-time <duration>", "how long it may take; then the instance is ended and what has arrived is kept", parseDuration, parseDuration("2h"))
    .option("--partial <cell...>", "cells whose files need not load, as with pull")
    .option("--to <directory>", "where to pull to; default: the run's folder in custody")
    .option("--end", "only end what an interrupted rescue left")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast rescue digits", "shows the price, asks, reads, ends the instance"], ["holdfast rescue digits --confirm digits", "for scripts"], ["holdfast rescue digits --end", "after a rescue that was killed"]))
    .action(cli.action((session, [run]: [string | undefined], options: RescueOptions) => command(session, run, options)));
}

async function command(session: Session, text: string | undefined, options: RescueOptions): Promise<ExitCode | undefined> {
  const { root, run } = await openRun(session, text, "rescue");
  assertNotAdopted(run, "a rescue, which launches a machine");
  const edges = readerEdges(session, root);
  if (options.end === true) return end(session, run, root);
  const plan = await planRescue(session, run, edges, options.maxTime / 3600);
  session.note(describe(session, run, plan));
  await confirmByName(session, { name: run.ref.name, of: "run", given: options.confirm, command: `holdfast rescue ${runId(run.ref)}`, otherwise: "Nothing was launched" });
  const rescued = await rescue(session, run, edges, plan, (remote) => pullRun(session, run, remote, { ...options }));
  await shareEvidence(session, run);
  if (session.json) session.printJson({ ...(rescued.pulled === null ? {} : report(rescued.pulled)), unclaimed: rescued.unclaimed, quiet: rescued.quiet, gone: rescued.gone });
  else session.print(render(session, run, rescued));
  return undefined;
}

async function end(session: Session, run: RunCustody, projectRoot: string): Promise<ExitCode | undefined> {
  const { platformSource } = await import("../../providers/platformSource.js");
  const gone = await (await platformSource(run.view().endpoint.platform)).detachReader(run, readerEdges(session, projectRoot));
  if (session.json) session.printJson({ gone });
  else session.print(gone.length === 0 ? `No rescue of ${runId(run.ref)} left anything.` : gone.map((line) => `gone: ${line}`).join("\n"));
  return undefined;
}

function describe(session: Session, run: RunCustody, { offer, maxHours, maxUsd }: RescuePlan): string {
  const { notePaint } = session;
  return [
    `To read the storage of ${runId(run.ref)} one instance is launched: ${notePaint("strong", `${offer.type} in ${offer.region}`)}, ${formatUsd(offer.hourlyUsd)} per hour.`,
    `It is ended as soon as everything was read, after ${formatDuration(maxHours * 3600)} at the latest: ${notePaint("strong", `at most ${formatUsd(maxUsd)}`)}. Nothing is written but a lock and copies of the evidence; nothing is deleted.`,
  ].join("\n");
}

function render(session: Session, run: RunCustody, { pulled, unclaimed, quiet, gone }: Rescued<Pulled>): string {
  const { paint } = session;
  return [
    ...(pulled === null ? [`No job of ${runId(run.ref)} ever wrote there.`] : [renderPulled(session, run, pulled)]),
    "",
    ...(unclaimed.length === 0
      ? ["Nothing else lies on the storage."]
      : ["Also on the storage:", renderTable(["folder", "size", "files", "whose"], unclaimed.map((data) => [data.folder, formatBytes(data.bytes), String(data.files), data.owner ?? "nobody's, or an ended run's"]), { paint, width: session.width, right: [1, 2] })]),
    ...(quiet ? [] : [paint("warn", "A machine of the run may still stand and write: what came after this look is not in it.")]),
    ...gone.map((line) => `${paint("good", "gone:")} ${line}`),
  ].join("\n");
}
