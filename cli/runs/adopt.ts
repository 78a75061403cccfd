/** Taking a machine that Holdfast did not make under its eyes: found at the vendor or by its address, looked at, written down. */
import { existsSync } from "node:fs";
import { execa } from "execa";
import type { Custody, RunCustody } from "../../custody";
import type { EndpointRef, RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { FolderLook } from "../../providers/adopted/folder";
import type { FoundMachine } from "../../providers/platformContract";
import type { Session } from "../terminal";
import { parseAddress } from "./machine";
import { configuredStacks, projectName } from "./pulumiProject";
import { locateStack, shortName } from "./stackPlan";

export interface AdoptWish {
  readonly name: string;
  readonly stack: string | undefined;
  /** The vendor's id or name of an instance, or `user@host[:port]`: one of both. */
  readonly instance: string | undefined;
  readonly ssh: string | undefined;
  /** Absolute, on the machine. */
  readonly artifacts: string;
  /** Absolute path of an existing file; null: whatever keys the person's ssh offers. */
  readonly key: string | null;
}

export interface Adopted {
  readonly run: RunCustody;
  /** `known`: it stood in the ledger like this already. */
  readonly outcome: "adopted" | "renewed" | "known";
  readonly machine: { readonly id: string; readonly name: string; readonly address: string; readonly hourlyUsd: number | null };
  readonly platform: string;
  readonly folder: FolderLook;
  /** SHA256 fingerprint of the host key that was recorded; later contacts are held to it. */
  readonly hostKey: string | null;
  /** Holdfast launched it, here or elsewhere, under this name. */
  readonly launchName: string | null;
}

/**
 * Looks first and writes afterwards: nothing is recorded of a machine that cannot be read. The machine is not touched but for the
 * scripts that look, in its user's home. Throws UserError `instance-unknown`, `run-exists`, `folder-missing`; RemoteUnreachable.
 */
export async function adoptMachine(session: Session, projectRoot: string, wish: AdoptWish): Promise<Adopted> {
  const stack = stackOf(session, projectRoot, wish.stack);
  const ref = { project: projectName(projectRoot), stack, name: wish.name };
  const { openCustody } = await import("../../custody/index.js");
  const { keepShared } = await import("./sharedStores.js");
  await keepShared(session, projectRoot, ref);
  const custody = openCustody(projectRoot, { clock: session.clock, create: true });
  const run = custody.run(ref);
  assertFree(run);
  const found = wish.instance === undefined ? await byAddress(wish.ssh ?? "") : await atVendor(projectRoot, stack, wish.instance);
  assertNobodysRun(custody, ref, found.id);
  const folder = await look(session, run, found, wish);
  const { platform } = found.endpoint;
  return {
    run, outcome: record(custody, run, found, wish, folder), platform, folder, launchName: found.launchName, hostKey: await fingerprint(run, found.id),
    machine: { id: found.id, name: found.name, address: addressText(found.address), hourlyUsd: found.hourlyUsd },
  };
}

/** Nobody looks at it any more; what was pulled, and the evidence, stay. Throws UserError when there is nothing to release. */
export function releaseMachine(run: RunCustody, by: string): { readonly machine: string; readonly pulled: boolean } {
  const view = run.view();
  if (!view.adopted) throw new UserError(`${runId(run.ref)} was made by Holdfast, not adopted.`, { code: "usage", next: [`holdfast status ${runId(run.ref)}`] });
  const machine = view.resources.get("adopted");
  if (machine === undefined) throw new UserError(`No machine of ${runId(run.ref)} is looked at any more.`, { code: "nothing-to-do", next: [`holdfast ledger ${runId(run.ref)}`] });
  run.append("resource.lost", { role: "adopted", id: machine.id, why: `released by ${by}: nobody looks at it any more, and whether it bills is for whoever made it to know` });
  return { machine: machine.name, pulled: view.receipts.length > 0 };
}

type Found = Omit<FoundMachine, "status" | "address"> & { readonly endpoint: EndpointRef; readonly address: NonNullable<FoundMachine["address"]> };

/** The stack whose config names the API, and in whose name the run is kept. */
function stackOf(session: Session, projectRoot: string, given: string | undefined): string {
  const stacks = configuredStacks(projectRoot);
  const stack = given ?? session.env.PULUMI_STACK;
  if (stack === undefined && stacks.length !== 1) {
    throw new UserError(stacks.length === 0 ? "No stack of this project has a config file yet, and a run belongs to one." : `Several stacks have config, say which the run belongs to: ${stacks.join(", ")}.`, {
      code: "which-stack", next: stacks.length === 0 ? ["write Pulumi.dev.yaml, or: pulumi stack init"] : stacks.map((one) => `add: --stack ${one}`),
    });
  }
  return shortName(locateStack(projectRoot, { stack }).stack);
}

function assertFree(run: RunCustody): void {
  if (run.entries().length === 0 || run.view().adopted) return;
  throw new UserError(`${runId(run.ref)} is a run that Holdfast made; what is adopted needs a name of its own.`, { code: "run-exists", next: ["add another --name", "holdfast ls"] });
}

/** What a run of this project made has a better reader than this. */
function assertNobodysRun(custody: Custody, ref: RunRef, id: string): void {
  for (const other of custody.runs()) {
    if (runId(other) === runId(ref)) continue;
    const view = viewOf(custody.run(other));
    if (view?.live.some((resource) => resource.id === id) !== true) continue;
    throw new UserError(`That machine is already known as ${view.adopted ? "adopted" : "made"} in ${runId(other)}.`, { code: "run-exists", next: [`holdfast pull ${runId(other)}`, `holdfast status ${runId(other)}`] });
  }
}

/** null: its ledger cannot be read, which the command that opens it tells. */
function viewOf(run: RunCustody): ReturnType<RunCustody["view"]> | null {
  try {
    return run.view();
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

async function atVendor(projectRoot: string, stack: string, wanted: string): Promise<Found> {
  const { configuredEndpoint } = await import("../../providers/endpointOf.js");
  const { platformSource } = await import("../../providers/platformSource.js");
  const endpoint = configuredEndpoint(projectRoot, stack);
  const machines = await (await platformSource(endpoint.platform)).listMachines(endpoint, projectRoot);
  const matching = machines.filter(({ id, name }) => id === wanted || name === wanted);
  const [machine] = matching;
  if (machine === undefined || matching.length > 1) {
    const listed = machines.map(({ id, name, status, details }) => `  - ${id}  ${name}, ${status}${typeof details["type"] === "string" ? `, ${details["type"]}` : ""}`).join("\n");
    const what = matching.length > 1 ? `${matching.length} instances are called "${wanted}"` : `no instance has the id or name "${wanted}"`;
    throw new UserError(`In the account of stack ${stack} (${endpoint.platform}, ${endpoint.api}) ${what}.${listed === "" ? " It holds none at all." : ` It holds:\n${listed}`}`, {
      code: "instance-unknown", next: machines.length === 0 ? ["is it the API key of the account that holds it?", "holdfast adopt --ssh user@host (without asking the vendor)"] : ["holdfast adopt --instance ID, with an id of this list"],
    });
  }
  if (machine.address === null) throw new UserError(`Instance ${machine.name} (${machine.id}) is ${machine.status} and has no address, so nothing on it can be read.`, { code: "no-machine", next: ["start it in the vendor's console, then the same command again"] });
  return { ...machine, address: machine.address, endpoint };
}

async function byAddress(text: string): Promise<Found> {
  const { NO_API } = await import("../../providers/endpointOf.js");
  const address = parseAddress(text, "--ssh");
  const name = addressText(address);
  return { id: `ssh:${name}`, name, launchName: null, address, hourlyUsd: null, details: {}, endpoint: { platform: "ssh", api: NO_API } };
}

const addressText = ({ host, port, user }: { readonly host: string; readonly port: number; readonly user: string }): string => `${user}@${host.includes(":") ? `[${host}]` : host}:${port}`;

async function look(session: Session, run: RunCustody, { id, address }: Found, { artifacts, key }: AdoptWish): Promise<FolderLook> {
  const { adoptedTarget } = await import("../../providers/ssh/forRun.js");
  const { openSshRemote } = await import("../../providers/ssh/remote.js");
  const { lookAtFolder } = await import("../../providers/adopted/folder.js");
  const remote = openSshRemote(adoptedTarget(run, { id, ...address, keyFile: key }), { clock: session.clock, attempts: 2 });
  try {
    const seen = await lookAtFolder(remote, artifacts);
    if (seen.directory === "/" || seen.directory === seen.home) {
      throw new UserError(`${artifacts} is ${seen.directory === "/" ? "the whole machine" : "the whole home folder, with its keys and caches"}; name the folder in it that holds the checkpoints.`, { code: "usage", next: ["--artifacts DIRECTORY"] });
    }
    return seen;
  } finally {
    await remote.close();
  }
}

function record(custody: Custody, run: RunCustody, found: Found, { key }: AdoptWish, { directory }: FolderLook): Adopted["outcome"] {
  const { id, name, hourlyUsd, address, endpoint } = found;
  const details = { ...found.details, directory, keyFile: key };
  const before = run.entries().length === 0 ? null : run.view();
  if (before === null || before.endpoint.api !== endpoint.api || before.endpoint.platform !== endpoint.platform) {
    run.append("run.declared", { run: run.ref, custodyId: custody.id, endpoint, plan: null, roster: [], adopted: true });
  }
  const standing = before?.resources.get("adopted");
  if (standing !== undefined && standing.id !== id) run.append("resource.lost", { role: "adopted", id: standing.id, why: `${name} was adopted in its place` });
  const same = standing?.id === id && sameText(standing.details, details) && sameText(before?.address, { instance: id, ...address });
  if (same) return "known";
  run.append("resource.created", { role: "adopted", kind: "Machine", id, name, ...(hourlyUsd === null ? {} : { hourlyUsd }), details });
  run.append("address.changed", { instance: id, ...address });
  return standing === undefined ? "adopted" : "renewed";
}

const sameText = (a: object | null | undefined, b: object): boolean => JSON.stringify(Object.entries(a ?? {}).sort()) === JSON.stringify(Object.entries(b).sort());

/** null: nobody can read it (no ssh-keygen). */
async function fingerprint(run: RunCustody, id: string): Promise<string | null> {
  const { adoptedTarget } = await import("../../providers/ssh/forRun.js");
  const { knownHostsPath, hostKeyAlias } = adoptedTarget(run, { id, host: "", port: 0, user: "", keyFile: null });
  if (!existsSync(knownHostsPath)) return null;
  const { stdout } = await execa("ssh-keygen", ["-l", "-F", hostKeyAlias, "-f", knownHostsPath], { reject: false });
  return /SHA256:\S+/.exec(stdout)?.[0] ?? null;
}
