/**
 * Collects what a deletion would lose, by looking: the ledger, the instance, the tiers, the local copies. It decides
 * nothing; custody/decide.ts does, from what is returned here.
 */
import type { DeletionFacts, RunCustody, RunView } from "../../custody";
import { manifestDigest, readWriterStatus, recheckReceipt, takeManifest } from "../../custody";
import type { Clock } from "../../custody/clock";
import type { Manifest, PlannedDeletion, UnclaimedData } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import { jobPlace } from "../job/layout";
import { liveAddress, remoteForRun } from "../ssh/forRun";
import { listUnclaimed, tierIsEmpty } from "./tiers";

export interface GatherOptions {
  readonly scope: DeletionFacts["scope"];
  readonly deletions: readonly PlannedDeletion[];
  readonly clock: Clock;
  /** For tests; default: the machine the ledger knows. */
  readonly remote?: Remote | null;
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
        return { signed, copy: couldCover ? await recheckReceipt(signed.content, newest) : ("unchecked" as const) };
      }),
    ),
    approvals: run.approvals(),
    breakGlass: run.breakGlass(),
  };
}

/** A fresh manifest, computed on the durable tier, saved in custody, and noted in the ledger when it says something new. */
export async function takeRunManifest(run: RunCustody, remote: Remote): Promise<Manifest> {
  const view = run.view();
  const plan = view.plan as Plan | null;
  const place = jobPlace(view);
  if (plan === null || place === null) {
    throw new UserError(`${run.ref.project}/${run.ref.stack}/${run.ref.name}: no job was ever placed on an instance, so there is nothing to take a manifest of.`, { code: "no-job" });
  }
  const manifest = await takeManifest(remote, {
    run: run.ref,
    directory: place.directory,
    scripts: place.scripts,
    tier: plan.durable.tier,
    resource: place.filesystemId,
    cells: plan.cells,
  });
  const digest = run.saveManifest(manifest);
  const known = view.newestManifest;
  // The same look again is no news; what counts is that it was seen closed after the last start of the job.
  if (known?.manifestSha256 === digest && known.closed === manifest.closed && (view.lastJobStart === null || known.at > view.lastJobStart.at)) return manifest;
  run.append("manifest.taken", {
    manifestSha256: digest,
    files: manifest.files.length,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    closed: manifest.closed,
  });
  return manifest;
}

interface Seen {
  readonly remote: DeletionFacts["remote"];
  /** Whether the durable tier holds any file at all. */
  readonly durableEmpty: "yes" | "no" | "unknown";
}

async function look(run: RunCustody, view: RunView, plan: Plan | null, options: GatherOptions): Promise<Seen> {
  const remote = options.remote === undefined ? remoteForRun(run, { clock: options.clock }) : options.remote;
  if (remote === null || plan === null) return withoutMachine(view);
  try {
    const place = jobPlace(view);
    const lost = new Set(options.deletions.flatMap((deletion) => deletion.tiersLost));
    if (place === null) {
      // No job was placed, so no scripts are there: only ask whether anything lies on the tier.
      const mountPoint = mountPointOf(view);
      const durableEmpty = mountPoint === null ? "yes" : await tierIsEmpty(remote, mountPoint);
      return { remote: { state: "none", why: "no job was ever placed on the instance", writerPossibleSince: false, ...(durableEmpty === "yes" ? { unclaimed: [] } : {}) }, durableEmpty };
    }
    const manifest = await takeRunManifest(run, remote);
    const unclaimed = await listUnclaimed(remote, plan, place, lost);
    // Looked at last: a writer that came while the manifest was taken must be seen. An unknown writer may still write.
    const writerAlive = (await readWriterStatus(remote, place)).writer !== "none";
    return {
      remote: { state: "reachable", manifest, writerAlive, cells: [...manifest.cells], unclaimed },
      durableEmpty: manifest.files.length === 0 && unclaimed.every((data: UnclaimedData) => data.tier !== plan.durable.tier) ? "yes" : "no",
    };
  } catch (error) {
    if (error instanceof RemoteUnreachable) return { remote: { state: "unreachable", reason: error.message }, durableEmpty: "unknown" };
    // A manifest that cannot be taken (odd file names, files that change) is unknown data, and the person must read why.
    if (error instanceof UserError) return { remote: { state: "unlistable", reason: error.message }, durableEmpty: "unknown" };
    throw error;
  } finally {
    await remote.close();
  }
}

function withoutMachine(view: RunView): Seen {
  const instance = view.resources.get("instance");
  if (instance === undefined) {
    const gone = view.deleted.findLast((deleted) => deleted.role === "instance");
    const why = gone ? `the instance ${gone.id} is gone` : "no instance was ever launched";
    // Without a job nothing of ours ever wrote to storage that this run created for itself.
    return { remote: { state: "none", why, writerPossibleSince: false, ...(view.jobEverStarted ? {} : { unclaimed: [] }) }, durableEmpty: view.jobEverStarted ? "unknown" : "yes" };
  }
  if (liveAddress(view) === null) {
    // Launched, never reached: nothing of ours can have run there.
    return {
      remote: { state: "none", why: `the instance ${instance.id} was never reached`, writerPossibleSince: view.jobEverStarted, ...(view.jobEverStarted ? {} : { unclaimed: [] }) },
      durableEmpty: view.jobEverStarted ? "unknown" : "yes",
    };
  }
  return { remote: { state: "unreachable", reason: `no key or address of the instance ${instance.id} is in custody` }, durableEmpty: "unknown" };
}

function mountPointOf(view: RunView): string | null {
  const mountPoint = view.resources.get("filesystem")?.details?.["mountPoint"];
  return typeof mountPoint === "string" ? mountPoint : null;
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
          },
          // The plan derives every artifact's path on the durable tier; what people put on the own disk by hand is listed as unclaimed.
          { id: plan.ownDisk.tier, path: plan.ownDisk.home, lost: lost.has(plan.ownDisk.tier), holdsArtifacts: "no" as const, empty: "unknown" as const },
        ]),
    ...others.map((id) => ({ id, path: "unknown", lost: true, holdsArtifacts: "unknown" as const, empty: "unknown" as const })),
  ];
}

function durableHolds(view: RunView, seen: Seen): "yes" | "no" | "unknown" {
  if (seen.remote.state === "reachable") return seen.remote.manifest.files.length > 0 || view.jobEverStarted ? "yes" : "no";
  if (!view.jobEverStarted && seen.durableEmpty === "yes") return "no";
  return view.jobEverStarted ? "yes" : "unknown";
}
