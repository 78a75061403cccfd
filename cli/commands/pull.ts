/** holdfast pull: manifest on the durable tier, resumable transfer, every byte compared, every checkpoint loaded, receipt signed. */
import { Command } from "commander";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { DamagedFile, FollowedCell, FollowPass, PullProgress, PullResult, RunCustody } from "../../custody";
import type { Manifest, Receipt, Signed } from "../../custody/formats";
import { ADOPTED_CELL, assertNotAdopted } from "../../custody/adopted";
import { COPIES_VARIABLE, copyPlacesOf, placeOfCopy } from "../../custody/copyPlaces";
import { runId } from "../../custody/formats";
import { BRING_BACK } from "../../custody/deletion/next";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { runSteps } from "../render/progress";
import { renderCopy } from "../render/copy";
import { formatBytes, formatDuration, formatTime, plural } from "../render/units";
import { parseDuration } from "../runs/duration";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";

interface PullCommandOptions {
  readonly to?: string;
  readonly partial?: readonly string[];
  readonly follow?: boolean;
  readonly every?: number;
  readonly giveUp?: number;
}

export function pullCommand(cli: Cli): Command {
  return new Command("pull")
    .summary("copy all artifacts here, prove them, sign a receipt")
    .description("copy all artifacts here, prove them byte by byte and by loading, sign a receipt")
    .argument(runArgument, runArgumentHelp)
    .option("--to <dir>", "where to (default: pulled/<project>/<stack>/<name> in the custody folder)")
    .option("--partial <cell...>", "cells that are given up: their files must arrive whole but need not load")
    .option("--follow", "while the run goes on: copy what nobody writes any more, again and again, with a receipt per complete cell; ends with a pull of everything")
    .option("--every <duration>", "with --follow: how often to look (default: 60s)", parseDuration)
    .option("--give-up <duration>", "with --follow: how long a machine may be silent (default: 1h)", parseDuration)
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast pull", "resumes where an earlier pull was cut"], ["holdfast pull digits --follow", "checkpoints as they come; exit code 5 when the machine stays silent"], ["holdfast pull digits --to ~/results/digits", "into a folder of yours"]))
    .action(cli.action((session, [run]: [string | undefined], options: PullCommandOptions) => pull(session, run, options)));
}

async function pull(session: Session, text: string | undefined, options: PullCommandOptions): Promise<ExitCode | undefined> {
  checkOptions(options);
  const { run } = await openRun(session, text, "pull");
  if (options.follow === true) assertNotAdopted(run, "--follow, which asks the queue what is finished, and there is none");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const followed = options.follow === true ? await follow(session, run, options) : null;
  const remote = remoteForRun(run, { clock: session.clock });
  if (remote === null) throw noMachine(run);
  try {
    const pulled = await pullRun(session, run, remote, options);
    await shareEvidence(session, run, remote);
    if (session.json) session.printJson({ ...report(pulled), ...(followed === null ? {} : { followed }) });
    else session.print(renderPulled(session, run, pulled));
    return undefined;
  } finally {
    await remote.close();
  }
}

/** What came while the run went on. */
interface Followed {
  readonly looks: number;
  readonly files: number;
  readonly bytes: number;
  readonly cells: readonly FollowedCell[];
  readonly damaged: readonly DamagedFile[];
}

async function follow(session: Session, run: RunCustody, options: PullCommandOptions): Promise<Followed> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { followRun } = await import("../runs/followPull.js");
  const seen = { looks: 0, files: 0, bytes: 0, cells: [] as FollowedCell[], damaged: [] as DamagedFile[] };
  session.note(`Following ${runId(run.ref)} until its queue closes; Ctrl-C ends it, what came is kept.`);
  await followRun(run, {
    ...(options.to === undefined ? {} : { target: resolve(session.terminal.cwd, options.to) }),
    everySeconds: options.every ?? 60, patienceSeconds: options.giveUp ?? 3600, clock: session.clock, signal: session.signal,
    connect: () => remoteForRun(run, { clock: session.clock, attempts: 1 }),
    onNote: (text) => { session.note(session.notePaint("warn", text)); },
    onPass: async (pass, remote) => {
      seen.looks += 1;
      seen.files += pass.arrived.files;
      seen.bytes += pass.arrived.bytes;
      seen.cells.push(...pass.cells);
      seen.damaged.push(...pass.damaged);
      for (const line of describePass(pass)) session.note(`${session.clock.now().toISOString().slice(11, 19)} ${line}`);
      if (pass.cells.length > 0) await shareEvidence(session, run, remote);
    },
  });
  return seen;
}

function describePass(pass: FollowPass): string[] {
  return [
    ...(pass.arrived.files === 0 ? [] : [`${plural(pass.arrived.files, "closed file")}, ${formatBytes(pass.arrived.bytes)}, here and loading`]),
    ...pass.cells.map(({ cell, receipt, files, bytes }) => `cell ${cell} is complete: ${plural(files, "file")}, ${formatBytes(bytes)}, receipt ${receipt}`),
    ...pass.damaged.map(({ path, message, code }) => `${path} arrived whole and does not load: ${message} (${code})`),
  ];
}

function checkOptions(options: PullCommandOptions): void {
  if (options.follow === true) return;
  const [flag] = ([["every", "--every"], ["giveUp", "--give-up"]] as const).filter(([key]) => options[key] !== undefined).map(([, name]) => name);
  if (flag !== undefined) throw new UserError(`${flag} is for following a run that goes on.`, { code: "usage", next: ["add: --follow"] });
}

export interface Pulled {
  readonly manifest: Manifest;
  readonly receipt: Signed<Receipt>;
  readonly result: PullResult;
  /** Of an adopted folder: files that changed while they were hashed, and are not in the copy. */
  readonly beingWritten: readonly string[];
  /** Where the copy of an earlier life of the run is kept, which lay in the folder; null: there was none. */
  readonly former: string | null;
}

/** The steps with their progress; throws what custody throws. */
export async function pullRun(session: Session, run: RunCustody, remote: Remote, options: PullCommandOptions): Promise<Pulled> {
  const { takeRunManifest } = await import("../../providers/teardown/facts.js");
  const { takeFolderManifest } = await import("../../providers/adopted/folder.js");
  const { pullVerifyAndSign } = await import("../../custody/index.js");
  const signal = session.signal;
  let manifest: Manifest | undefined;
  let beingWritten: readonly string[] = [];
  let pulled: Pulled | undefined;
  const take = async (): Promise<Manifest> => {
    if (!run.view().adopted) return takeRunManifest(run, remote);
    const found = await takeFolderManifest(run, remote);
    ({ beingWritten } = found);
    return found.manifest;
  };
  await runSteps(session, [
    {
      title: `Manifest of ${runId(run.ref)} on ${remote.description}`,
      run: async () => {
        manifest = await take();
        return `${plural(manifest.files.length, "file")}, ${formatBytes(manifest.files.reduce((sum, file) => sum + file.bytes, 0))}, ${manifest.closed ? "the queue is closed" : run.view().adopted ? "nobody knows whether something still writes" : "the run is still writing"}`;
      },
    },
    {
      title: "Transfer, compare, load",
      run: async (say) => {
        if (manifest === undefined) throw new Error("the manifest step did not run");
        const { receipt, result, manifest: copied, former } = await pullVerifyAndSign(run, remote, manifest, {
          clock: session.clock,
          signal,
          takeAgain: () => {
            say("it went on while it was copied: once more");
            return take();
          },
          giveUp: options.partial ?? [],
          ...(options.to === undefined ? {} : { target: resolve(session.terminal.cwd, options.to) }),
          onProgress: (progress) => {
            say(describeProgress(progress));
          },
        });
        pulled = { manifest: copied, receipt, result, beingWritten, former };
        return `${formatBytes(result.bytes)} in ${formatDuration(result.seconds)}, ${plural(receipt.content.loaded.length, "file")} loaded`;
      },
    },
  ]);
  if (pulled === undefined) throw new Error("the transfer step did not run");
  return pulled;
}

export function describeProgress(progress: PullProgress): string {
  const share = progress.bytesTotal === 0 ? 100 : Math.floor((progress.bytesDone / progress.bytesTotal) * 100);
  const word = { manifest: "preparing", transfer: "transferred", verify: "compared and loaded" }[progress.phase];
  return `${word} ${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)} (${share} %)`;
}

export function report({ manifest, receipt, result, beingWritten, former }: Pulled): Record<string, unknown> {
  const { target, manifestSha256, files, bytes, seconds, notLoaded } = result;
  return { target, host: hostname(), manifestSha256, files, bytes, seconds, closed: manifest.closed, cells: manifest.cells, receipt: receipt.content.id, keyId: receipt.keyId, loaded: receipt.content.loaded, notLoaded, beingWritten, former };
}

export function renderPulled(session: Session, run: RunCustody, pulled: Pulled): string {
  const { paint } = session;
  if (run.view().adopted) return renderAdopted(session, run, pulled);
  const { manifest, receipt, result, former } = pulled;
  const unfinished = manifest.cells.filter((cell) => cell.state === "running" || cell.state === "pending");
  const next =
    unfinished.length > 0 || !manifest.closed
      ? [`the run is not finished (${unfinished.map((cell) => cell.name).join(", ") || "the queue still lives"}): pull again when it is`]
      : [`holdfast approve ${runId(run.ref)}${givenUp(manifest)}`];
  const without = manifest.cells.flatMap(({ name, missing = [] }) => (missing.length === 0 ? [] : [paint("warn", `Cell ${name} is complete and has no file ${missing.join(", none ")}, which its job says must be there.`)]));
  return [
    renderCopy(manifest, { directory: result.target, verdicts: result.verdicts }, { paint, width: session.width }),
    "",
    ...without,
    paint("good", `Receipt ${receipt.content.id}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, in ${result.target}`),
    ...(former === null ? [] : [`What an earlier life of this run left in that folder is kept in ${former}.`]),
    ...(isTemporary(session, receipt.content) ? [paint("warn", `  It goes with this machine when its job is over (CI is set), so no teardown counts it. In a folder that outlives it: ${COPIES_VARIABLE}=DIRECTORY holdfast pull --to DIRECTORY/${run.ref.name}`)] : []),
    ...next.map((step) => `  ${paint("faint", "next:")} ${step}`),
  ].join("\n");
}

const isTemporary = (session: Session, { place }: Receipt): boolean => placeOfCopy(place, copyPlacesOf(session.env, hostname())) === "temporary";

/** Cells that only a person can give up: without their names an approval is refused. */
function givenUp({ cells }: Manifest): string {
  const open = cells.filter(({ state }) => state === "failed" || state === "cancelled").map(({ name }) => name);
  return open.length === 0 ? "" : ` --partial ${open.join(" ")} --reason "..."`;
}

/** No queue says that it is over, and no lock of ours waits for the receipt: the person is told what it does and does not say. */
function renderAdopted({ paint }: Session, run: RunCustody, { manifest, receipt, result, beingWritten }: Pulled): string {
  const { loaded, notLoaded } = receipt.content;
  return [
    `${manifest.place.directory}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, ${plural(loaded.length, "file")} loaded${notLoaded.length > 0 ? paint("warn", `, ${plural(notLoaded.length, "file")} given up`) : ""}`,
    "",
    paint("good", `Receipt ${receipt.content.id}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, in ${join(result.target, "cells", ADOPTED_CELL)}`),
    ...(beingWritten.length === 0 ? [] : [paint("warn", `  Not in it, since somebody wrote while they were read: ${beingWritten.slice(0, 5).join(", ")}${beingWritten.length > 5 ? `, and ${beingWritten.length - 5} more` : ""}.`)]),
    `  It says what lay there at ${formatTime(manifest.takenAt)}. Whether something still writes, nobody here knows.`,
    `  ${paint("faint", "next:")} once the training there is over: holdfast pull ${runId(run.ref)} (again), then end the machine where it was made, then holdfast adopt --release ${runId(run.ref)}`,
  ].join("\n");
}

/** Where storage still stands, an instance can be brought back to read it; what was pulled before can be proven without. */
export function noMachine(run: RunCustody): UserError {
  const newest = run.receipts().findLast((signed) => signed.content.how === "pulled")?.content;
  const next = [
    ...(run.view().resources.has("filesystem") ? BRING_BACK : []),
    ...(newest === undefined ? ["holdfast audit (asks the vendor)"] : [`holdfast verify ${runId(run.ref)} (the copy of ${newest.at.slice(0, 10)} in ${newest.place.directory})`]),
  ];
  return new UserError(`No machine of ${runId(run.ref)} is known to stand, so its artifacts cannot be read.`, { code: "no-machine", next });
}
