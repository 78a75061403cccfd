/** holdfast pull: manifest on the durable tier, resumable transfer, every byte compared, every checkpoint loaded, receipt signed. */
import { Command } from "commander";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { PullProgress, PullResult, RunCustody } from "../../custody";
import type { Manifest, Receipt, Signed } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { BRING_BACK } from "../../custody/deletion/next";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { runSteps } from "../render/progress";
import { renderCopy } from "../render/copy";
import { formatBytes, formatDuration, plural } from "../render/units";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";

interface PullCommandOptions {
  readonly to?: string;
  readonly partial?: readonly string[];
}

export function pullCommand(cli: Cli): Command {
  return new Command("pull")
    .summary("copy all artifacts here, prove them, sign a receipt")
    .description("copy all artifacts here, prove them byte by byte and by loading, sign a receipt")
    .argument(runArgument, runArgumentHelp)
    .option("--to <dir>", "where to (default: pulled/<project>/<stack>/<name> in the custody folder)")
    .option("--partial <cell...>", "cells that are given up: their files must arrive whole but need not load")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast pull", "resumes where an earlier pull was cut"], ["holdfast pull digits --to ~/results/digits", "into a folder of yours"]))
    .action(cli.action((session, [run]: [string | undefined], options: PullCommandOptions) => pull(session, run, options)));
}

async function pull(session: Session, text: string | undefined, options: PullCommandOptions): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "pull");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const remote = remoteForRun(run, { clock: session.clock });
  if (remote === null) throw noMachine(run);
  try {
    const pulled = await pullRun(session, run, remote, options);
    await shareEvidence(session, run, remote);
    if (session.json) session.printJson(report(pulled));
    else session.print(renderPulled(session, run, pulled));
    return undefined;
  } finally {
    await remote.close();
  }
}

export interface Pulled {
  readonly manifest: Manifest;
  readonly receipt: Signed<Receipt>;
  readonly result: PullResult;
}

/** The steps with their progress; throws what custody throws. */
async function pullRun(session: Session, run: RunCustody, remote: Remote, options: PullCommandOptions): Promise<Pulled> {
  const { takeRunManifest } = await import("../../providers/teardown/facts.js");
  const { pullVerifyAndSign } = await import("../../custody/index.js");
  const signal = session.signal;
  let manifest: Manifest | undefined;
  let pulled: Pulled | undefined;
  await runSteps(session, [
    {
      title: `Manifest of ${runId(run.ref)} on ${remote.description}`,
      run: async () => {
        manifest = await takeRunManifest(run, remote);
        return `${plural(manifest.files.length, "file")}, ${formatBytes(manifest.files.reduce((sum, file) => sum + file.bytes, 0))}, ${manifest.closed ? "the queue is closed" : "the run is still writing"}`;
      },
    },
    {
      title: "Transfer, compare, load",
      run: async (say) => {
        if (manifest === undefined) throw new Error("the manifest step did not run");
        const { receipt, result } = await pullVerifyAndSign(run, remote, manifest, {
          clock: session.clock,
          signal,
          giveUp: options.partial ?? [],
          ...(options.to === undefined ? {} : { target: resolve(session.terminal.cwd, options.to) }),
          onProgress: (progress) => {
            say(describeProgress(progress));
          },
        });
        pulled = { manifest, receipt, result };
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

function report({ manifest, receipt, result }: Pulled): Record<string, unknown> {
  const { target, manifestSha256, files, bytes, seconds, notLoaded } = result;
  return { target, host: hostname(), manifestSha256, files, bytes, seconds, closed: manifest.closed, cells: manifest.cells, receipt: receipt.content.id, keyId: receipt.keyId, loaded: receipt.content.loaded, notLoaded };
}

function renderPulled(session: Session, run: RunCustody, { manifest, receipt, result }: Pulled): string {
  const { paint } = session;
  const unfinished = manifest.cells.filter((cell) => cell.state === "running" || cell.state === "pending");
  const next =
    unfinished.length > 0 || !manifest.closed
      ? [`the run is not finished (${unfinished.map((cell) => cell.name).join(", ") || "the queue still lives"}): pull again when it is`]
      : [`holdfast approve ${runId(run.ref)}`];
  return [
    renderCopy(manifest, { directory: result.target, verdicts: result.verdicts }, { paint, width: session.width }),
    "",
    paint("good", `Receipt ${receipt.content.id}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, in ${result.target}`),
    ...next.map((step) => `  ${paint("faint", "next:")} ${step}`),
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
