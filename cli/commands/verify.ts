/**
 * holdfast verify: a copy held against its manifest and receipt once more, offline; or any folder of checkpoints, loaded; or
 * the artifacts where they durably lie (verifyInPlace.ts).
 */
import { Command } from "commander";
import { existsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { FileVerdict, RunCustody } from "../../custody";
import type { Manifest, Receipt, Signed } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderCopy } from "../render/copy";
import { runSteps } from "../render/progress";
import { renderTable } from "../render/table";
import { formatBytes, formatTime, plural } from "../render/units";
import { openProject, openRun } from "../runs/project";
import type { Session } from "../terminal";
import { verifyRunInPlace } from "./verifyInPlace";

/** What is looked at, and what it is held against. */
interface Subject {
  readonly directory: string;
  /** The only file of it that is looked at; null: all. */
  readonly file: string | null;
  readonly manifest: Manifest | null;
  readonly receipt: Signed<Receipt> | null;
}

interface VerifyOptions {
  readonly inPlace?: boolean;
  readonly partial?: readonly string[];
}

interface Fault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export function verifyCommand(cli: Cli): Command {
  return new Command("verify")
    .summary("prove a pulled copy again, or artifacts in place")
    .description("prove a pulled copy again, offline: every byte against the manifest, every checkpoint loaded; or the artifacts where they lie (--in-place)")
    .argument("[run-or-path]", "a run (its newest receipt's copy), or a folder or file; may be left out when one run is live")
    .option("--in-place", "read and load the artifacts where they durably lie, through the run's machine; signs a receipt, keeps no copy")
    .option("--partial <cell...>", "with --in-place: cells that are given up, whose files need not load")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast verify digits", "the copy that its newest receipt names"],
        ["holdfast verify ~/results/digits", "a pulled folder: against the holdfast-manifest.json in it"],
        ["holdfast verify ./checkpoints", "any folder: only whether its checkpoints load; exit code 6 if not"],
        ["holdfast verify model.safetensors", "one file"],
        ["holdfast verify digits --in-place", "enough for the end of a run with teardown: {storage: keep, require: verifiedInPlace}"],
      ),
    )
    .action(cli.action((session, [text]: [string | undefined], options: VerifyOptions) => verify(session, text, options)));
}

async function verify(session: Session, text: string | undefined, options: VerifyOptions): Promise<ExitCode | undefined> {
  if (options.inPlace === true) return verifyRunInPlace(session, text, options.partial ?? []);
  if (options.partial !== undefined) throw new UserError("--partial gives cells up before their files are read where they lie.", { code: "usage", next: ["add: --in-place", "or, for a copy: holdfast pull --partial CELL"] });
  const subject = looksLikePath(session, text) ? await pathSubject(session, resolve(session.terminal.cwd, text)) : await runSubject(session, text);
  if (!existsSync(subject.directory)) throw new UserError(`The copy in ${subject.directory} is not there any more.`, { code: "verify-failed", next: ["holdfast relocate RUN DIRECTORY (when it was moved)", "holdfast pull"] });
  const { verdicts, faults } = await check(session, subject);
  if (session.json) session.printJson(report(subject, verdicts, faults));
  else session.print(render(session, subject, verdicts, faults));
  return faults.length > 0 ? exitCodes.verification : undefined;
}

/** A run's name has no dot and no leading slash; what exists wins over a run of the same name only when it is written as a path. */
function looksLikePath(session: Session, text: string | undefined): text is string {
  if (text === undefined) return false;
  if (/^[./~]/.test(text)) return true;
  return !/^[a-z0-9-]+(\/[a-z0-9-]+){0,2}$/.test(text) || (text.includes("/") && existsSync(resolve(session.terminal.cwd, text)));
}

async function runSubject(session: Session, text: string | undefined): Promise<Subject> {
  const { run } = await openRun(session, text, "verify");
  const { coversRoster } = await import("../../custody/index.js");
  const { roster } = run.view();
  const pulled = run.receipts().filter((signed) => signed.content.how === "pulled");
  const receipt = pulled.findLast((signed) => coversRoster(signed.content, roster)) ?? pulled.at(-1);
  if (!receipt) throw new UserError(`${runId(run.ref)} was never pulled, so there is no copy to verify.`, { code: "nothing-to-do", next: [`holdfast pull ${runId(run.ref)}`, `holdfast verify ${runId(run.ref)} --in-place (the artifacts where they lie)`] });
  const { place, manifestSha256 } = receipt.content;
  if (place.host !== hostname()) {
    throw new UserError(`The newest copy of ${runId(run.ref)} lies on ${place.host}, in ${place.directory}; this is ${hostname()}.`, { code: "not-found", next: [`on ${place.host}: holdfast verify ${runId(run.ref)}`] });
  }
  return { directory: place.directory, file: null, manifest: run.manifest(manifestSha256), receipt };
}

/** The manifest beside the artifacts is believed as far as a receipt in this project's custody names it. */
async function pathSubject(session: Session, directory: string): Promise<Subject> {
  if (!existsSync(directory)) throw new UserError(`There is no folder or file ${directory}.`, { code: "not-found", next: ["holdfast ls (the runs that are known here)"] });
  if (!statSync(directory).isDirectory()) return { directory: dirname(directory), file: basename(directory), manifest: null, receipt: null };
  const { MANIFEST_BESIDE, manifestDigest, parseManifest } = await import("../../custody/index.js");
  const path = join(directory, MANIFEST_BESIDE);
  if (!existsSync(path)) return { directory, file: null, manifest: null, receipt: null };
  const { readFileSync } = await import("node:fs");
  const manifest = parseManifest(readFileSync(path, "utf8"), path);
  const run = await runInCustody(session, manifest);
  const digest = manifestDigest(manifest);
  return { directory, file: null, manifest, receipt: run?.receipts().findLast((signed) => signed.content.manifestSha256 === digest) ?? null };
}

async function runInCustody(session: Session, manifest: Manifest): Promise<RunCustody | null> {
  try {
    const { custody } = await openProject(session);
    return custody.run(manifest.run);
  } catch (error) {
    // Outside a project, or of another one: the manifest alone is what the copy is held against.
    if (error instanceof UserError) return null;
    throw error;
  }
}

async function check(session: Session, subject: Subject): Promise<{ verdicts: readonly FileVerdict[]; faults: readonly Fault[] }> {
  const { verifyUnlisted, verifyAgainst } = await import("../runs/verifyCopy.js");
  const signal = session.signal;
  let outcome: { verdicts: readonly FileVerdict[]; faults: readonly Fault[] } = { verdicts: [], faults: [] };
  await runSteps(session, [
    {
      title: subject.manifest === null ? (subject.file === null ? `Load every checkpoint in ${subject.directory}` : `Load ${join(subject.directory, subject.file)}`) : `Compare and load ${subject.directory}`,
      run: async (say) => {
        outcome = subject.manifest === null ? await verifyUnlisted(subject.directory, subject.file, { signal, say }) : await verifyAgainst(subject.directory, subject.manifest, { signal, say });
        return `${plural(outcome.verdicts.length, "file")} read`;
      },
    },
  ]);
  const { receipt } = subject;
  if (receipt === null || receipt.trusted) return outcome;
  return { ...outcome, faults: [...outcome.faults, { path: `receipt ${receipt.content.id}`, code: "receipt-untrusted", message: receipt.problem ?? "it is not trusted" }] };
}

function report(subject: Subject, verdicts: readonly FileVerdict[], faults: readonly Fault[]): Record<string, unknown> {
  return {
    directory: subject.directory,
    ...(subject.file === null ? {} : { file: subject.file }),
    against: subject.manifest === null ? "nothing: load check only" : subject.receipt === null ? "manifest" : "manifest and receipt",
    receipt: subject.receipt?.content.id ?? null,
    ok: faults.length === 0,
    files: verdicts.map(({ path, bytes, sha256, format, ok }) => ({ path, bytes, sha256, format, ok })),
    faults,
  };
}

function render(session: Session, subject: Subject, verdicts: readonly FileVerdict[], faults: readonly Fault[]): string {
  const { paint, width } = session;
  const bytes = verdicts.reduce((sum, verdict) => sum + verdict.bytes, 0);
  const loaded = verdicts.filter((verdict) => verdict.ok && verdict.format !== "opaque").length;
  const lines =
    subject.manifest === null || subject.manifest.cells.length === 0
      ? [renderTable(["file", "format", "size", "loads"], verdicts.filter((verdict) => verdict.format !== "opaque").map((verdict) => [verdict.path, verdict.format, formatBytes(verdict.bytes), verdict.ok ? paint("good", "yes") : paint("bad", "no")]), { paint, width, right: [2] })]
      : [renderCopy(subject.manifest, { directory: subject.directory, verdicts }, { paint, width })];
  lines.push("");
  for (const fault of faults) lines.push(`${paint("bad", "-")} ${fault.path}: ${fault.message} (${fault.code})`);
  lines.push(
    faults.length === 0
      ? paint("good", `${plural(verdicts.length, "file")}, ${formatBytes(bytes)}, ${loaded} loaded: ${standing(subject)}`)
      : paint("bad", `${plural(faults.length, "fault")} in ${join(subject.directory, subject.file ?? "")}: this copy proves nothing.`),
  );
  return lines.join("\n");
}

function standing(subject: Subject): string {
  if (subject.file !== null) return "it loads. Nothing says that it is all there is.";
  if (subject.manifest === null) return "every checkpoint in this folder loads. There is no manifest, so nothing says that it is complete.";
  if (subject.receipt === null) return "all as the manifest in the folder says. No receipt of this project's custody names it.";
  return `all as manifest and receipt ${subject.receipt.content.id} of ${formatTime(subject.receipt.content.at)} say.`;
}
