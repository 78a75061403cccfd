/**
 * Collects what a deletion would lose, by looking: the ledger, the instance, the tiers, the local copies. It decides
 * nothing; custody/decide.ts does, from what is returned here.
 */
import { dirname, join } from "node:path";
import type { CopyPlaces, DeletionFacts, FollowPlace, RunCustody, RunView } from "../../custody";
import { costOf, manifestDigest, projectRootFrom, readWriterStatus, recheckReceipt, runId, takeManifest, totalBytes } from "../../custody";
import type { Clock } from "../../custody/clock";
import type { Manifest, PlannedDeletion } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import { jobPlace, runDirectory } from "../job/layout";
import { pushScripts } from "../job/place";
import type { ReaderEdges } from "../platformContract";
import { platformSource } from "../platformSource";
import { liveAddress, remoteForRun } from "../ssh/forRun";
import { takeFolderManifest } from "../adopted/folder";
import { noticeLostMachine } from "./lostMachine";
import { liesOn } from "./sameStorage";
import type { TierPlace } from "./tiers";
import { isMounted, listUnclaimed } from "./tiers";

export interface GatherOptions {
  readonly scope: DeletionFacts["scope"];
  readonly deletions: readonly PlannedDeletion[];
  readonly clock: Clock;
  readonly copies: CopyPlaces;
  /** For tests; default: the machine the ledger knows. */
  readonly remote?: Remote | null;
  /** Where a sandbox or a key file named in config is looked for. Default: the project around the working directory. */
  readonly projectRoot?: string;
}

/**
 * Facts for one decision. Reaches the instance when one stands; takes a fresh manifest there and saves it in custody.
 * Re-hashes the local copy of every receipt that could cover the manifest. Throws only for faults of this machine.
 */
export async function gatherDeletionFacts(run: RunCustody, options: GatherOptions): Promise<DeletionFacts> {
  const view = run.view();
  const plan = view.plan as Plan | null;
  const lost = new Set(options.deletions.flatMap((deletion) => deletion.tiersLost));
  const seen = await look(run, view, plan, options);
  // The look may have written the ledger (manifest.taken), so the view is read again for the decision.
  const newest = seen.remote.state === "reachable" ? seen.remote.manifest : run.newestManifest();
  return {
    now: options.clock.now().toISOString(),
    run: run.ref,
    scope: options.scope,
    deletions: [...options.deletions],
    tiers: tierFacts(plan, lost, view, seen),
    view: run.view(),
    remote: seen.remote,
    require: plan?.teardown.require ?? "pulled",
    receipts: await Promise.all(
      run.receipts().map(async (signed) => {
        // Only a receipt for the manifest at hand can help, and re-reading its copy costs as much as the copy is large.
        const couldCover = signed.trusted && newest !== null && signed.content.manifestSha256 === manifestDigest(newest);
        if (!couldCover) return { signed, copy: "unchecked" as const };
        const copy = await recheckReceipt(signed.content, newest, options.copies);
        return { signed, copy: copy === "matches" && seen.noCopies?.has(signed.content.place.directory) === true ? ("goes" as const) : copy };
      }),
    ),
    approvals: run.approvals(),
    standing: run.standing(),
    breakGlass: run.breakGlass(),
    usdSoFar: knownCost(run, view.declaredAt, options.clock.now()),
  };
}

/** Of this life of the run. A lower bound would let a bound pass that is exceeded. */
function knownCost(run: RunCustody, since: string, now: Date): number | null {
  const { usdSoFar, incomplete } = costOf(run.entries().filter(({ at }) => Date.parse(at) >= Date.parse(since)), now);
  return incomplete ? null : usdSoFar;
}

/**
 * A fresh manifest, computed on the durable tier, saved in custody, and noted in the ledger when it says something new.
 * Throws RemoteUnreachable; UserError when the tier is not mounted, the run's directory is gone, or a file cannot be listed.
 */
export async function takeRunManifest(run: RunCustody, remote: Remote): Promise<Manifest> {
  const view = run.view();
  if (view.adopted) return (await takeFolderManifest(run, remote)).manifest;
  const plan = view.plan as Plan | null;
  const place = plan === null ? null : await placeOnMachine(remote, plan, view);
  if (plan === null || place === null || !view.jobEverStarted) throw noJob(run);
  return manifestAt(run, remote, plan, place, view);
}

/** Where a run that goes on is followed. Throws RemoteUnreachable; UserError as takeRunManifest. */
export async function locateRun(run: RunCustody, remote: Remote): Promise<FollowPlace> {
  const view = run.view();
  const plan = view.plan as Plan | null;
  const place = plan === null ? null : await placeOnMachine(remote, plan, view);
  if (plan === null || place === null || !view.jobEverStarted) throw noJob(run);
  if (!place.started) throw directoryGone(remote, place.directory);
  return manifestPlace(run, plan, place);
}

const manifestPlace = (run: RunCustody, plan: Plan, place: MachinePlace): FollowPlace => ({
  run: run.ref, directory: place.directory, scripts: place.scripts, tier: plan.durable.tier, resource: place.filesystemId, cells: patternsOf(run, plan),
});

/** With what earlier plans of this life kept: an edit of the job's patterns never makes scratch of what was saved as an artifact. */
function patternsOf(run: RunCustody, plan: Plan): FollowPlace["cells"] {
  const { declaredAt } = run.view();
  const former = run.entries().flatMap(({ kind, at, data }) => (kind === "run.declared" && at >= declaredAt ? ((data as { plan?: Partial<Plan> }).plan?.cells ?? []) : []));
  const byCell = Map.groupBy(former, (cell) => cell.name);
  return plan.cells.map((cell) => ({ ...cell, former: byCell.get(cell.name) ?? [] }));
}

const noJob = (run: RunCustody): UserError =>
  new UserError(`${runId(run.ref)}: no job was ever started on an instance, so there is nothing to take a manifest of.`, { code: "no-job", next: ["pulumi up"] });

const directoryGone = (remote: Remote, directory: string): UserError =>
  new UserError(`${remote.description}: ${directory} is not there although the job was started: somebody moved or deleted it.`, {
    code: "directory-gone",
    next: ["holdfast ssh, and look where it went", "holdfast break-glass (when it is really lost)"],
  });

async function manifestAt(run: RunCustody, remote: Remote, plan: Plan, place: MachinePlace, view: RunView): Promise<Manifest> {
  if (!place.started) throw directoryGone(remote, place.directory);
  const manifest = await takeManifest(remote, manifestPlace(run, plan, place));
  const digest = run.saveManifest(manifest);
  const known = view.newestManifest;
  // The same look again is no news; what counts is that it was seen closed after the last start of the job.
  if (known?.manifestSha256 === digest && known.closed === manifest.closed && (view.lastJobStart === null || known.at > view.lastJobStart.at)) return manifest;
  run.append("manifest.taken", { manifestSha256: digest, files: manifest.files.length, bytes: totalBytes(manifest.files), closed: manifest.closed });
  return manifest;
}

interface MachinePlace extends TierPlace {
  readonly filesystemId: string;
  /** The run's directory is there. */
  readonly started: boolean;
}

/** Where the run's data is on the machine, with today's scripts beside it. Null when the run has no durable storage yet. */
async function placeOnMachine(remote: Remote, plan: Plan, view: RunView): Promise<MachinePlace | null> {
  const filesystem = view.resources.get("filesystem");
  const mountPoint = filesystem?.details?.["mountPoint"];
  const known = jobPlace(view);
  const at = known?.mountPoint ?? (typeof mountPoint === "string" ? mountPoint : null);
  if (at === null) return null;
  const scripts = await pushScripts(remote, plan.ownDisk.home);
  const place = { mountPoint: at, directory: known?.directory ?? runDirectory(plan, at), scripts, filesystemId: known?.filesystemId ?? filesystem?.id ?? "" };
  if (!(await isMounted(remote, place))) {
    throw new UserError(`${remote.description}: ${at} is not mounted, so nobody can say what lies on it.`, {
      code: "not-mounted",
      next: ["restart the instance in the vendor's console, or mount it there", "pulumi up --replace the instance, when it does not come back"],
    });
  }
  const directory = await remote.exec(["test", "-d", place.directory]);
  if (directory.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the run's directory was looked at");
  return { ...place, started: directory.exitCode === 0 };
}

interface Seen {
  readonly remote: DeletionFacts["remote"];
  /** Whether the durable tier holds any file at all. */
  readonly durableEmpty: "yes" | "no" | "unknown";
  /** Folders of this machine that receipts call copies, and that lie on the run's own storage or machine. */
  readonly noCopies?: ReadonlySet<string>;
}

async function look(run: RunCustody, view: RunView, plan: Plan | null, options: GatherOptions): Promise<Seen> {
  const remote = options.remote === undefined ? remoteForRun(run, { clock: options.clock }) : options.remote;
  if (remote === null || plan === null) return withoutMachine(view, options);
  try {
    const place = await placeOnMachine(remote, plan, view);
    if (place === null) return { remote: { state: "none", why: "the run has no durable storage", writerPossibleSince: false, unclaimed: [] }, durableEmpty: "yes" };
    const lost = new Set(options.deletions.flatMap((deletion) => deletion.tiersLost));
    const untouched = !place.started && !view.jobEverStarted;
    const manifest = untouched ? nothingWritten(run, plan, place, options.clock) : await manifestAt(run, remote, plan, place, view);
    const unclaimed = await listUnclaimed(remote, plan, place, lost);
    // Looked at last: a writer that came while the manifest was taken must be seen. An unknown writer may still write.
    const writerAlive = !untouched && (await readWriterStatus(remote, place)).writer !== "none";
    return {
      remote: { state: "reachable", manifest, writerAlive, cells: [...manifest.cells], unclaimed },
      noCopies: untouched ? new Set<string>() : await copiesThatGo(run, remote, manifest, place, plan.ownDisk.home),
      durableEmpty: manifest.files.length === 0 && unclaimed.every((data) => data.tier !== plan.durable.tier) ? "yes" : "no",
    };
  } catch (error) {
    if (error instanceof RemoteUnreachable && (await noticeLostMachine(run, edgesOf(options)))) return await withoutMachine(run.view(), options);
    // A machine that does not let us in is as silent as one that does not answer; a person may know why.
    if (error instanceof RemoteUnreachable || (error instanceof UserError && notLetIn.has(error.code))) {
      return { remote: { state: "unreachable", reason: error.message }, durableEmpty: "unknown" };
    }
    // What cannot be listed (odd file names, files that change, a share that is not mounted) is unknown data, and the person
    // must read why. Before a job was ever started a person may take the responsibility, as for a machine that is silent.
    if (error instanceof UserError) return { remote: { state: view.jobEverStarted ? "unlistable" : "unreachable", reason: error.message }, durableEmpty: "unknown" };
    throw error;
  } finally {
    await remote.close();
  }
}

async function copiesThatGo(run: RunCustody, remote: Remote, manifest: Manifest, { mountPoint, directory, scripts }: MachinePlace, home: string): Promise<ReadonlySet<string>> {
  const storages = [{ root: mountPoint, folder: `${directory}/state` }, { root: home, folder: scripts }];
  const digest = manifestDigest(manifest);
  const folders = new Set(manifest.files.map(({ path }) => dirname(path)));
  const found = new Set<string>();
  for (const { trusted, content } of run.receipts()) {
    if (!trusted || content.how !== "pulled" || content.manifestSha256 !== digest || found.has(content.place.directory)) continue;
    const copy = [content.place.directory, ...[...folders].map((folder) => join(content.place.directory, folder))];
    if (await liesOn(remote, storages, copy)) found.add(content.place.directory);
  }
  return found;
}

const edgesOf = ({ clock, projectRoot }: GatherOptions): ReaderEdges => ({ clock, projectRoot: projectRoot ?? projectRootFrom(process.cwd()), say: () => undefined });

/** Codes of the SSH runner for a key that is refused and a machine that is not the one known by its name. */
const notLetIn: ReadonlySet<string> = new Set(["ssh-denied", "host-key-changed"]);

const nothingWritten = (run: RunCustody, plan: Plan, place: MachinePlace, clock: Clock): Manifest => ({
  v: 1,
  run: run.ref,
  takenAt: clock.now().toISOString(),
  place: { tier: plan.durable.tier, directory: place.directory, resource: place.filesystemId },
  cells: [],
  files: [],
  scratch: { files: 0, bytes: 0 },
  closed: false,
});

/** No machine of the run can be asked: before a job was started, the vendor is; after it, only what is known counts. */
async function withoutMachine(view: RunView, options: GatherOptions): Promise<Seen> {
  const instance = view.resources.get("instance");
  if (instance !== undefined && liveAddress(view) !== null) {
    return { remote: { state: "unreachable", reason: `the run's SSH key is not in custody, so the instance ${instance.id} cannot be asked` }, durableEmpty: "unknown" };
  }
  const gone = view.deleted.findLast((deleted) => deleted.role === "instance");
  const why = instance !== undefined ? `the instance ${instance.id} was never reached` : gone ? `the instance ${gone.id} is gone` : "no instance was ever launched";
  const read = instance === undefined ? wholeListing(view, options.clock.now()) : null;
  if (read !== null) {
    const holdsNothing = read.manifestSha256 === null || view.newestManifest?.files === 0;
    return { remote: { state: "none", why, writerPossibleSince: false, unclaimed: read.unclaimed, readSince: true }, durableEmpty: holdsNothing && read.unclaimed.length === 0 ? "yes" : "no" };
  }
  if (view.jobEverStarted) return { remote: { state: "none", why, writerPossibleSince: instance !== undefined }, durableEmpty: "unknown" };
  const durableEmpty = await vendorSaysEmpty(view, options);
  return { remote: { state: "none", why, writerPossibleSince: durableEmpty === "unknown", ...(durableEmpty === "yes" ? { unclaimed: [] } : {}) }, durableEmpty };
}

/** What others share is looked at shortly before it goes. */
const sharedListingSeconds = 3600;

/**
 * What a rescue read, as long as it is still all there is: nobody of this run can have written since, the artifacts it saw are
 * those of the newest manifest, and on shared storage it is not long ago.
 */
function wholeListing(view: RunView, now: Date): RunView["listing"] {
  const { listing, newestManifest } = view;
  if (listing === null || !listing.quiet || listing.resource !== view.resources.get("filesystem")?.id) return null;
  if (listing.manifestSha256 !== (newestManifest?.manifestSha256 ?? null)) return null;
  const ageSeconds = (now.getTime() - Date.parse(listing.at)) / 1000;
  return isShared(view) && !(ageSeconds >= 0 && ageSeconds < sharedListingSeconds) ? null : listing;
}

/** Handed over, made for several, or seen to carry what is not this run's. */
function isShared(view: RunView): boolean {
  const details = view.resources.get("filesystem")?.details;
  return details?.["made"] === false || details?.["shared"] === true || (view.listing?.unclaimed ?? []).some((data) => data.folder.startsWith("holdfast/"));
}

async function vendorSaysEmpty(view: RunView, options: GatherOptions): Promise<"yes" | "no" | "unknown"> {
  const filesystem = view.resources.get("filesystem");
  if (filesystem === undefined) return "yes";
  try {
    // The vendor counts hours late: that says something only of storage that nobody but this run can have written to.
    if (isShared(view)) return "unknown";
    const source = await platformSource(view.endpoint.platform);
    return await source.storageIsEmpty(view.endpoint, options.projectRoot ?? projectRootFrom(process.cwd()), filesystem.id);
  } catch {
    // An API that does not answer proves nothing.
    return "unknown";
  }
}

function tierFacts(plan: Plan | null, lost: ReadonlySet<string>, view: RunView, seen: Seen): DeletionFacts["tiers"] {
  const place = jobPlace(view);
  const known = plan === null ? [] : [plan.durable.tier, plan.ownDisk.tier];
  const others = [...lost].filter((tier) => !known.includes(tier));
  return [
    ...(plan === null
      ? []
      : [
          {
            id: plan.durable.tier,
            path: place?.directory ?? plan.durable.runDirectoryTemplate,
            lost: lost.has(plan.durable.tier),
            holdsArtifacts: durableHolds(view, seen),
            empty: seen.durableEmpty,
            ...(isShared(view) ? { shared: true as const } : {}),
          },
          // The plan derives every artifact's path on the durable tier; what people put on the own disk by hand is listed as unclaimed.
          { id: plan.ownDisk.tier, path: plan.ownDisk.home, lost: lost.has(plan.ownDisk.tier), holdsArtifacts: "no" as const, empty: "unknown" as const },
        ]),
    ...others.map((id) => ({ id, path: "unknown", lost: true, holdsArtifacts: "unknown" as const, empty: "unknown" as const })),
  ];
}

function durableHolds(view: RunView, seen: Seen): "yes" | "no" | "unknown" {
  if (seen.remote.state === "reachable") return seen.remote.manifest.files.length > 0 || view.jobEverStarted ? "yes" : "no";
  if (!view.jobEverStarted && (seen.durableEmpty === "yes" || (seen.remote.state === "none" && seen.remote.readSince === true))) return "no";
  return view.jobEverStarted ? "yes" : "unknown";
}
