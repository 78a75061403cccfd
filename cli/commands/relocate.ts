/** holdfast relocate: a pulled copy that was moved, or copied to another machine, is proven anew where it lies now, and signed for. */
import { Command } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { PullResult, RunCustody } from "../../custody";
import type { Manifest, Receipt, Signed } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderCopy } from "../render/copy";
import { runSteps } from "../render/progress";
import { formatBytes, formatDuration, plural } from "../render/units";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";
import { describeProgress } from "./pull";

export function relocateCommand(cli: Cli): Command {
  return new Command("relocate")
    .summary("sign for a pulled copy that was moved")
    .description("prove a pulled copy where it lies now, byte for byte and by loading, and sign a receipt for that place; the earlier receipt stays in the ledger, superseded")
    .argument("<run>", "project/stack/name, or the name alone")
    .argument("<dir>", "the folder that the copy was moved or copied to, on this machine")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast relocate digits /mnt/nas/digits", "after: mv .holdfast/pulled/holdfast/dev/digits /mnt/nas/digits"],
        ["holdfast relocate prod/digits ~/digits", "on another machine that has a copy: its receipt counts there"],
      ),
    )
    .action(cli.action((session, [run, directory]: [string, string]) => relocate(session, run, directory)));
}

interface Relocated {
  readonly manifest: Manifest;
  readonly receipt: Signed<Receipt>;
  readonly result: PullResult;
  readonly former: Receipt | null;
}

async function relocate(session: Session, text: string, given: string): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "relocate");
  const directory = resolve(session.terminal.cwd, given);
  if (!existsSync(directory)) throw new UserError(`There is no folder ${directory}.`, { code: "not-found" });
  const relocated = await prove(session, run, directory);
  await shareEvidence(session, run);
  if (session.json) session.printJson(report(relocated));
  else session.print(render(session, run, relocated));
  return undefined;
}

async function prove(session: Session, run: RunCustody, directory: string): Promise<Relocated> {
  const { relocateCopy } = await import("../../custody/index.js");
  const { manifest, former } = await copyIn(run, directory);
  let relocated: Relocated | undefined;
  await runSteps(session, [
    {
      title: `Compare and load ${directory}`,
      run: async (say) => {
        const { receipt, result } = await relocateCopy(run, manifest, directory, {
          clock: session.clock,
          signal: session.signal,
          // What was given up when it was pulled is so still; nothing else may fail to load.
          giveUp: [...new Set(former?.notLoaded.map(({ cell }) => cell))],
          ...(former === null ? {} : { supersedes: former.id }),
          onProgress: (progress) => {
            say(describeProgress(progress));
          },
        });
        relocated = { manifest, receipt, result, former };
        return `${formatBytes(result.bytes)} in ${formatDuration(result.seconds)}, ${plural(receipt.content.loaded.length, "file")} loaded`;
      },
    },
  ]);
  if (relocated === undefined) throw new Error("the step did not run");
  return relocated;
}

/**
 * Which pull it is a copy of: the manifest beside the artifacts says, as far as custody has it under that digest; without one, the
 * newest receipt's. Throws UserError `nothing-to-do` when the run was never pulled.
 */
async function copyIn(run: RunCustody, directory: string): Promise<{ manifest: Manifest; former: Receipt | null }> {
  const { coversRoster, MANIFEST_BESIDE, manifestDigest, parseManifest } = await import("../../custody/index.js");
  const pulled = run.receipts().filter((signed) => signed.trusted && signed.content.how === "pulled").map((signed) => signed.content);
  const beside = join(directory, MANIFEST_BESIDE);
  const { roster } = run.view();
  const newest = pulled.findLast((receipt) => coversRoster(receipt, roster)) ?? pulled.at(-1);
  const named = existsSync(beside) ? manifestDigest(parseManifest(readFileSync(beside, "utf8"), beside)) : newest?.manifestSha256;
  if (named === undefined) throw new UserError(`${runId(run.ref)} was never pulled, and ${directory} holds no ${MANIFEST_BESIDE}, so nothing says what it should be a copy of.`, { code: "nothing-to-do", next: [`holdfast pull ${runId(run.ref)} --to ${directory}`] });
  return { manifest: run.manifest(named), former: pulled.findLast((receipt) => receipt.manifestSha256 === named) ?? null };
}

function report({ manifest, receipt, result, former }: Relocated): Record<string, unknown> {
  const { target, manifestSha256, files, bytes, seconds, notLoaded } = result;
  return { target, host: hostname(), manifestSha256, files, bytes, seconds, cells: manifest.cells, receipt: receipt.content.id, keyId: receipt.keyId, loaded: receipt.content.loaded, notLoaded, supersedes: former?.id ?? null };
}

function render(session: Session, run: RunCustody, { manifest, receipt, result, former }: Relocated): string {
  const { paint } = session;
  const { adopted } = run.view();
  return [
    ...(adopted ? [] : [renderCopy(manifest, { directory: result.target, verdicts: result.verdicts }, { paint, width: session.width }), ""]),
    paint("good", `Receipt ${receipt.content.id}: ${plural(result.files, "file")}, ${formatBytes(result.bytes)}, in ${result.target}`),
    ...(former === null ? [] : [`It takes the place of ${former.id} (${former.place.host}:${former.place.directory}), which stays in the ledger.`]),
    // No approval ends what was adopted: its machine is ended where it was made.
    ...(adopted ? [] : [`  ${paint("faint", "next:")} holdfast approve ${runId(run.ref)}`]),
  ].join("\n");
}
