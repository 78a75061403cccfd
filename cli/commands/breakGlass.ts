/** holdfast break-glass: the signed override of one end of one run. Loud on purpose; an ordinary day never needs it. */
import { Command } from "commander";
import type { RunCustody } from "../../custody";
import { assertNotAdopted } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import type { PlannedDeletion } from "../../custody/formats";
import { nameDeletion } from "../../custody/deletion/reasons";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { confirmByName } from "../render/ask";
import { formatTime, plural } from "../render/units";
import { parseDuration } from "../runs/duration";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";

interface BreakGlassOptions {
  readonly reason: string;
  readonly expires: number;
  readonly confirm?: string;
  readonly otherRun?: readonly string[];
}

export function breakGlassCommand(cli: Cli): Command {
  return new Command("break-glass")
    .summary("override the gate: signed, with a reason, loud")
    .description("override the gate once, for exactly what stands now: signed, with a reason, expiring, and kept in the ledger for good")
    .argument(runArgument, runArgumentHelp)
    .requiredOption("--reason <text>", "why data may be lost without proof; kept in the ledger")
    .requiredOption("--expires <duration>", "how long it is valid, for example 1h", parseDuration)
    .option("--confirm <name>", "the instance's name, instead of typing it when asked")
    .option("--other-run <run...>", "also give up the data of these other runs (project/stack/name) on the same storage")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `${examples(["holdfast break-glass digits --reason 'disk is corrupt' --expires 1h", "asks for the instance's name"])}\n\nBefore this, look at: approve --partial (cells that failed), approve --accept-unreachable (a machine that is gone).`,
    )
    .action(cli.action((session, [run]: [string | undefined], options: BreakGlassOptions) => breakGlass(session, run, options)));
}

async function breakGlass(session: Session, text: string | undefined, options: BreakGlassOptions): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "break-glass");
  assertNotAdopted(run, "break-glass");
  const view = run.view();
  const { deletionsAtEnd } = await import("../../providers/teardown/deletions.js");
  const { buildBreakGlass } = await import("../../custody/approval.js");
  const deletions = deletionsAtEnd(view);
  const lost = [...lossesOf(run, deletions), ...(options.otherRun ?? [])];
  const document = buildBreakGlass(run.ref, { reason: options.reason, deletions, lost, hours: options.expires / 3600 }, session.clock.now());
  const { expiresAt } = document;
  const bad = (words: string): string => session.notePaint("bad", words);
  session.note(`${bad("BREAK GLASS")} ${runId(run.ref)}: until ${formatTime(expiresAt)} every lock opens once, to`);
  for (const deletion of deletions) session.note(`  ${bad("-")} ${nameDeletion(deletion)}`);
  session.note("Without proof that it was pulled or loads, this may be lost:");
  for (const loss of lost) session.note(`  ${bad("-")} ${loss}`);
  const instance = view.resources.get("instance");
  const command = `holdfast break-glass ${runId(run.ref)} --reason ${JSON.stringify(options.reason)} --expires 1h`;
  await confirmByName(session, { name: instance?.name ?? run.ref.name, of: instance ? "instance" : "run", given: options.confirm, command });
  const signed = run.signBreakGlass(document);
  await shareEvidence(session, run);
  const next = ["pulumi destroy (or npm run destroy)"];
  if (session.json) session.printJson({ breakGlass: signed.content, keyId: signed.keyId, next });
  else {
    session.print(`Signed: break-glass ${signed.content.id}, reason "${options.reason}", for one teardown of ${plural(deletions.length, "resource")}, valid until ${formatTime(expiresAt)}. It stays in the ledger.`);
    session.print(`  ${session.paint("faint", "next:")} ${next[0] ?? ""}`);
  }
  return undefined;
}

function lossesOf(run: RunCustody, deletions: readonly PlannedDeletion[]): string[] {
  const manifest = run.newestManifest();
  const losses = deletions.filter((deletion) => deletion.tiersLost.length > 0).map((deletion) => `${nameDeletion(deletion)}: everything on ${deletion.tiersLost.join(", ")}`);
  const known = manifest === null ? "no manifest was ever taken: what is there is unknown" : `the newest manifest (${formatTime(manifest.takenAt)}) lists ${plural(manifest.files.length, "file")}; anything newer is unknown`;
  return [...losses, known];
}
