/**
 * Everything is lost but the cloud account: the run is found there by the names it was made under, its evidence is read on its
 * file system through a machine that stands, and what stands beside it is written down again. All of it counts as a recovery does.
 */
import { join } from "node:path";
import type { Custody, RecoverReport, RunCustody } from "../../custody";
import type { EndpointRef, RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { FoundResource, FoundRun } from "../../providers/platformContract";
import type { Session } from "../terminal";

export interface ApiReport {
  readonly run: RunRef;
  readonly api: string;
  /** Where the ledger came from: the copies on the file system, what is here already, or nothing but the API. */
  readonly evidence: "copies" | "here" | "api";
  /** Of the copies, when there were any. */
  readonly recovered: RecoverReport | null;
  /** What stands at the vendor, and whether the ledger had to be told. */
  readonly standing: readonly (FoundResource & { readonly news: boolean })[];
  /** `user@host:port` of the machine that it was read through; null: none stands. */
  readonly machine: string | null;
  /** What lies on the file system; null: nobody could look, or there is no such run there. */
  readonly artifacts: { readonly files: number; readonly bytes: number; readonly closed: boolean } | null;
}

/** Throws UserError `nothing-to-recover` when the account holds nothing of the run; RemoteUnreachable when its machine is silent. */
export async function recoverFromApi(session: Session, projectRoot: string, run: RunRef, key: string | null): Promise<ApiReport> {
  const { plan, endpoint } = await fromConfig(session, projectRoot, run);
  const { platformSource } = await import("../../providers/platformSource.js");
  const found = await (await platformSource(endpoint.platform)).findRun(endpoint, projectRoot, run, plan.storage);
  if (found.resources.length === 0) {
    throw new UserError(`The account at ${endpoint.api} holds nothing that was made for ${runId(run)}.`, { code: "nothing-to-recover", next: ["holdfast audit (what the account holds)", "is it the API key of the account that made it?"] });
  }
  const remote = await openMachine(session, projectRoot, run, found, key);
  try {
    const recovered = remote === null ? null : await recoverCopies(session, projectRoot, run, { remote, found, plan });
    const custody = await openStore(session, projectRoot);
    const known = custody.run(run);
    const here = known.entries().length > 0;
    if (!here) declareFromApi(custody, known, { plan, endpoint });
    const standing = recordStanding(known, found);
    if (remote !== null) await recordJob(known, remote, { found, plan });
    return {
      run, api: endpoint.api, evidence: recovered !== null ? "copies" : here ? "here" : "api", recovered, standing, machine: remote?.description ?? null,
      artifacts: remote === null ? null : await look(known, remote),
    };
  } finally {
    await remote?.close();
  }
}

/** The config is in git, and says what nothing else remembers: the platform, the storage, the job. */
async function fromConfig(session: Session, projectRoot: string, run: RunRef): Promise<{ plan: Plan; endpoint: EndpointRef }> {
  const { planOfStack } = await import("./stackPlan.js");
  const { configuredEndpoint } = await import("../../providers/endpointOf.js");
  const { plan } = planOfStack(projectRoot, { stack: run.stack }, session.clock.now());
  if (plan.run.name !== run.name) {
    throw new UserError(`The job of stack ${run.stack} is called ${plan.run.name}, so the config says nothing of ${runId(run)}.`, { code: "run-unknown", next: [`holdfast recover ${plan.run.stack}/${plan.run.name} --from-api`] });
  }
  return { plan: { ...plan, run }, endpoint: configuredEndpoint(projectRoot, run.stack) };
}

async function openMachine(session: Session, projectRoot: string, run: RunRef, { machine }: FoundRun, key: string | null): Promise<Remote | null> {
  if (machine === null) return null;
  const { custodyRootOf } = await import("../../custody/store.js");
  const { openSshRemote } = await import("../../providers/ssh/remote.js");
  const knownHostsPath = join(custodyRootOf(projectRoot), "runs", run.project, run.stack, run.name, "ssh", "known_hosts");
  return openSshRemote({ ...machine, keyPath: key, knownHostsPath, hostKeyAlias: machine.instance }, { clock: session.clock });
}

/** null: no file system that the machine mounts holds a copy of the ledger. */
async function recoverCopies(session: Session, projectRoot: string, run: RunRef, { remote, found, plan }: { remote: Remote; found: FoundRun; plan: Plan }): Promise<RecoverReport | null> {
  const { recoverRun } = await import("../../custody/index.js");
  const { ownEndpoints } = await import("../../providers/endpointOf.js");
  const { runDirectory } = await import("../../providers/job/layout.js");
  for (const { mountPoint } of found.mounts) {
    try {
      return await recoverRun(projectRoot, remote, `${runDirectory(plan, mountPoint)}/custody`, run, { clock: session.clock, judgeEndpoint: ownEndpoints(projectRoot, run.stack) });
    } catch (error) {
      if (!(error instanceof UserError && error.code === "nothing-to-recover")) throw error;
    }
  }
  return null;
}

async function openStore(session: Session, projectRoot: string): Promise<Custody> {
  const { openCustody } = await import("../../custody/index.js");
  return openCustody(projectRoot, { clock: session.clock, create: true });
}

/** Distrusted from its second line on: that no job was started, say, is nothing that an API can tell. */
function declareFromApi(custody: Custody, run: RunCustody, { plan, endpoint }: { plan: Plan; endpoint: EndpointRef }): void {
  run.append("run.declared", { run: run.ref, custodyId: custody.id, endpoint, plan, roster: plan.cells.map((cell) => cell.name), fromApi: true });
  run.append("custody.recovered", { from: `the API of ${endpoint.platform} (${endpoint.api})`, entries: 0 });
}

function recordStanding(run: RunCustody, { resources, machine }: FoundRun): ApiReport["standing"] {
  const known = new Set(run.view().live.map(({ role, id }) => `${role} ${id}`));
  const standing = resources.map((resource) => ({ ...resource, news: !known.has(`${resource.role} ${resource.id}`) }));
  for (const { news, ...resource } of standing) if (news) run.append("resource.created", resource);
  const { address } = run.view();
  if (machine !== null && (address?.instance !== machine.instance || address.host !== machine.host || address.port !== machine.port)) run.append("address.changed", machine);
  return standing;
}

/** Where the job is, as far as its directory tells: later commands look there. */
async function recordJob(run: RunCustody, remote: Remote, { found, plan }: { found: FoundRun; plan: Plan }): Promise<void> {
  const { jobPlace, runDirectory, sessionName } = await import("../../providers/job/layout.js");
  const { pushScripts } = await import("../../providers/job/place.js");
  if (jobPlace(run.view()) !== null) return;
  for (const { filesystemId, mountPoint } of found.mounts) {
    const directory = runDirectory(plan, mountPoint);
    if ((await remote.exec(["test", "-d", directory])).exitCode !== 0) continue;
    const scripts = await pushScripts(remote, plan.ownDisk.home);
    run.append("resource.created", {
      role: "job", kind: "RemoteJob", id: `job-${run.ref.name}`, name: `job-${run.ref.name}`,
      details: { directory, scripts, spec: "", code: "", session: sessionName(run.ref), mountPoint, filesystemId },
    });
    return;
  }
}

/** A manifest taken now: what has to be pulled. A machine on which nothing of the run lies has none. */
async function look(run: RunCustody, remote: Remote): Promise<ApiReport["artifacts"]> {
  const { takeRunManifest } = await import("../../providers/teardown/facts.js");
  const { totalBytes } = await import("../../custody/index.js");
  try {
    const manifest = await takeRunManifest(run, remote);
    return { files: manifest.files.length, bytes: totalBytes(manifest.files), closed: manifest.closed };
  } catch (error) {
    if (error instanceof UserError && (error.code === "no-job" || error.code === "directory-gone")) return null;
    throw error;
  }
}
