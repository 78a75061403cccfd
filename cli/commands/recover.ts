/** holdfast recover: custody of a run rebuilt in another checkout, from the copies beside its artifacts. */
import { Command } from "commander";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RecoverReport } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderRecovery } from "../render/recovery";
import type { Session } from "../terminal";

interface RecoverOptions {
  readonly from?: string;
  readonly directory?: string;
  readonly key?: string;
  readonly fromApi?: boolean;
}

export function recoverCommand(cli: Cli): Command {
  return new Command("recover")
    .summary("rebuild custody in another checkout")
    .description("rebuild a run's custody in this checkout: from the shared store when the stack's config names one, else from the copies on the run's durable tier")
    .argument("<run>", "project/stack/name, or stack/name")
    .option("--from <user@host[:port]>", "the machine, whose copies are read instead of the shared store (default: from the stack's Pulumi state)")
    .option("--directory <dir>", "the run's directory on it (default: from the stack's Pulumi state)")
    .option("--key <file>", "private SSH key that the machine accepts (access.authorizedKeys; default: the run's own where it is here, else what ssh offers)")
    .option("--from-api", "everything is lost but the cloud account: find the run there by its names, and read its file system through a machine that stands")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast recover prod/digits", "from the shared store of the stack's config (custody.store)"],
        ["holdfast recover holdfast/prod/digits --key ~/.ssh/id_ed25519", "a colleague takes over; address and directory from Pulumi's state"],
        ["holdfast recover prod/digits --from ubuntu@192.0.2.7 --directory /lambda/nfs/NAME/holdfast/holdfast/prod/digits --key ~/.ssh/id_ed25519", "without the state"],
        ["holdfast recover prod/digits --from-api --key ~/.ssh/id_ed25519", "with neither custody nor state; exit code 5 when no machine stands to read the file system through"],
      ),
    )
    .action(cli.action((session, [run]: [string], options: RecoverOptions) => recover(session, run, options)));
}

async function recover(session: Session, text: string, options: RecoverOptions): Promise<ExitCode | undefined> {
  const { projectRootFrom } = await import("../../custody/index.js");
  const { parseRunText } = await import("../runs/machine.js");
  const projectRoot = projectRootFrom(session.terminal.cwd, session.env);
  const run = parseRunText(text, projectRoot);
  const key = options.key === undefined ? null : givenKey(session, options.key);
  const machine = options.from !== undefined || options.directory !== undefined;
  if (options.fromApi === true) return fromApi(session, projectRoot, run, key, machine);
  const report = (machine ? null : await fromShared(session, projectRoot, run)) ?? (await fromMachine(session, projectRoot, run, key, options));
  const linked = key === null ? null : await linkKey(session, projectRoot, run, key);
  if (report.outcome === "merged") await renewCopies(session, projectRoot, run);
  if (session.json) session.printJson(report);
  else session.print(renderRecovery(report, linked, session.paint));
  return undefined;
}

async function fromApi(session: Session, projectRoot: string, run: RunRef, key: string | null, machine: boolean): Promise<ExitCode | undefined> {
  if (machine) throw new UserError("--from-api finds machine and directory itself.", { code: "usage", next: ["leave out --from and --directory, or --from-api"] });
  const { recoverFromApi } = await import("../runs/recoverFromApi.js");
  const { renderApiReport } = await import("../render/recovery.js");
  const report = await recoverFromApi(session, projectRoot, run, key);
  if (key !== null) await linkKey(session, projectRoot, run, key);
  if (session.json) session.printJson(report);
  else session.print(renderApiReport(report, session.paint));
  return report.machine === null ? exitCodes.unreachable : undefined;
}

/** Two ledgers that were joined here are one beside the artifacts too. */
async function renewCopies(session: Session, projectRoot: string, run: RunRef): Promise<void> {
  const { openCustody } = await import("../../custody/index.js");
  const { shareEvidence } = await import("../runs/shareEvidence.js");
  await shareEvidence(session, openCustody(projectRoot, { clock: session.clock }).run(run));
}

/** null: nothing is shared, or the shared store has never heard of the run. */
async function fromShared(session: Session, projectRoot: string, ref: RunRef): Promise<RecoverReport | null> {
  const { sharedStoreOfStack } = await import("../../providers/sharedCustody/settings.js");
  const { openSharedCustody } = await import("../../providers/sharedCustody/open.js");
  const store = sharedStoreOfStack(projectRoot, ref.stack, session.env);
  if (store === null) return null;
  const shared = openSharedCustody(store, { projectRoot, clock: session.clock });
  try {
    const custody = await shared.open();
    const run = custody.run(ref);
    const { adopted } = await shared.fetch(run);
    const entries = run.entries().length;
    if (adopted !== null || entries === 0) return adopted;
    return { run: ref, custodyId: custody.id, api: run.view().endpoint.api, entries, outcome: "kept", documents: [], untrusted: [], unknownKeys: [], setAside: null };
  } finally {
    await shared.close();
  }
}

async function fromMachine(session: Session, projectRoot: string, run: RunRef, key: string | null, options: RecoverOptions): Promise<RecoverReport> {
  const { recoverRun } = await import("../../custody/index.js");
  const { custodyRootOf } = await import("../../custody/store.js");
  const { ownEndpoints } = await import("../../providers/endpointOf.js");
  const { openSshRemote } = await import("../../providers/ssh/remote.js");
  const { findMachine } = await import("../runs/machine.js");
  const machine = await findMachine(projectRoot, run, session.env, options);
  const ssh = join(custodyRootOf(projectRoot), "runs", run.project, run.stack, run.name, "ssh");
  const own = machine.sshKeyName === null ? null : join(ssh, machine.sshKeyName);
  const keyPath = key ?? (own !== null && existsSync(own) ? own : null);
  const remote = openSshRemote({ ...machine.address, keyPath, knownHostsPath: join(ssh, "known_hosts"), hostKeyAlias: machine.instanceId ?? machine.address.host }, { clock: session.clock });
  try {
    return await recoverRun(projectRoot, remote, `${machine.directory}/custody`, run, { clock: session.clock, judgeEndpoint: ownEndpoints(projectRoot, run.stack) });
  } finally {
    await remote.close();
  }
}

function givenKey(session: Session, given: string): string {
  const path = resolve(session.terminal.cwd, given);
  if (existsSync(path)) return path;
  throw new UserError(`There is no key file ${path}.`, { code: "not-found" });
}

/** Later commands look for the run's key by its name; a link to the person's own key takes its place, nothing is copied. */
async function linkKey(session: Session, projectRoot: string, ref: RunRef, keyPath: string): Promise<string | null> {
  const { openCustody } = await import("../../custody/index.js");
  const run = openCustody(projectRoot, { clock: session.clock }).run(ref);
  const name = run.view().resources.get("sshKey")?.name;
  if (name === undefined) return null;
  const place = join(run.paths.ssh, name);
  if (existsSync(place)) return null;
  mkdirSync(run.paths.ssh, { recursive: true, mode: 0o700 });
  symlinkSync(keyPath, place);
  return place;
}
