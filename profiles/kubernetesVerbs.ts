/** What can be done to a Job, its claim and its nodes, and what each keeps, loses and leaves billing. */
import { known, mustProbe, notApplicable, type Evidence, type Fact, type Fate } from "./fact";
import type { ProfileInput } from "./schema";

const jobDocs: Evidence = { source: "docs-jobs", verified: "2026-06" };
const podDocs: Evidence = { source: "docs-pods", verified: "2026-06" };
const volumeDocs: Evidence = { source: "docs-volumes", verified: "2026-08" };
const seenLive: Evidence = { source: "seen-live", verified: "2026-08" };
const nodeBilling: Evidence = { source: "clouds", verified: "2026-06" };

type Fates = Record<string, Fact<Fate>>;
type Meters = ProfileInput["verbs"][number]["meters"];

const kept = (evidence: Evidence) => known("kept", evidence);
const lost = (evidence: Evidence) => known("lost", evidence);
const untouched = (evidence: Evidence) => notApplicable("the verb does not touch it", evidence);
const continues = known({ effect: "continues" }, nodeBilling);
const stops = known({ effect: "stops" }, nodeBilling);

/** A pod and everything that lives as long as it; the node's own folders may or may not be seen again. */
const podEnds: Fates = {
  container: lost(podDocs),
  emptyDir: lost(volumeDocs),
  memory: lost(volumeDocs),
  hostPath: mustProbe("whether the next pod starts on the same node", volumeDocs),
  claim: kept(seenLive),
};

const freesPodsOnly: Meters = {
  compute: known({ effect: "continues" }, { ...seenLive, note: "Deleting pods changes nothing about nodes. A cluster autoscaler that may go down to 0 removes an idle node after its delay." }),
  storage: continues,
  controlPlane: continues,
  egress: untouched(nodeBilling),
};

const podsUntouched: Fates = { container: untouched(volumeDocs), emptyDir: untouched(volumeDocs), memory: untouched(volumeDocs), hostPath: untouched(volumeDocs) };

export const kubernetesVerbs: ProfileInput["verbs"] = [
  {
    verb: "delete",
    on: "instance",
    title: "delete the Job",
    how: "kubectl delete job NAME --cascade=foreground: TERM to its pods, their grace, then gone with their logs",
    use: "teardown",
    event: "destroy",
    irreversible: known(true, jobDocs),
    tiers: podEnds,
    meters: freesPodsOnly,
    gotchas: ["K8S5"],
  },
  {
    verb: "suspend",
    on: "instance",
    title: "suspend the Job",
    how: "kubectl patch job NAME -p '{\"spec\":{\"suspend\":true}}': its pods end with TERM, its deadline stands still, resuming starts new ones",
    use: "operate",
    event: "stop",
    irreversible: known(false, jobDocs),
    tiers: podEnds,
    meters: freesPodsOnly,
  },
  {
    verb: "drain",
    on: "instance",
    title: "drain the node, or evict its pods",
    how: "kubectl drain NODE: the pod ends with TERM and DisruptionTarget, which a podFailurePolicy can leave uncounted",
    use: "operate",
    event: "stop",
    irreversible: known(false, seenLive),
    tiers: podEnds,
    meters: freesPodsOnly,
    gotchas: ["K8S5"],
  },
  {
    verb: "deletePod",
    on: "instance",
    title: "delete the pod",
    how: "kubectl delete pod NAME: the Job starts another, and counts a failure, because a deletion is no disruption",
    use: "trap",
    event: null,
    irreversible: known(true, seenLive),
    tiers: podEnds,
    meters: freesPodsOnly,
  },
  {
    verb: "delete",
    on: "claim",
    title: "delete the claim",
    how: "kubectl delete pvc NAME, finished once no pod mounts it. reclaimPolicy Delete erases the volume; Retain leaves it Released, with its data and its bill",
    use: "teardown",
    event: null,
    irreversible: known(true, { ...volumeDocs, note: "A retained volume can be bound again by hand." }),
    tiers: { ...podsUntouched, claim: mustProbe("reclaimPolicy of the storage class: Delete erases", volumeDocs) },
    meters: {
      compute: untouched(nodeBilling),
      storage: mustProbe("reclaimPolicy of the storage class: a retained volume bills on", seenLive),
      controlPlane: untouched(nodeBilling),
      egress: untouched(nodeBilling),
    },
  },
  {
    verb: "deleteNamespace",
    on: "claim",
    title: "delete the namespace",
    how: "kubectl delete namespace NAME: Jobs, pods and every claim in it, without asking for any of them",
    use: "trap",
    event: null,
    irreversible: known(true, volumeDocs),
    tiers: { ...podEnds, claim: mustProbe("reclaimPolicy of the storage class: Delete erases", volumeDocs) },
    meters: { ...freesPodsOnly, storage: mustProbe("reclaimPolicy of the storage class: a retained volume bills on", seenLive) },
  },
  {
    verb: "scaleDown",
    on: "nodes",
    title: "scale the node pool down",
    how: "the cloud's own command, or an autoscaler with a minimum of 0: the only thing that ends the nodes' bill",
    use: "teardown",
    event: null,
    irreversible: known(true, nodeBilling),
    tiers: { ...podEnds, hostPath: lost(volumeDocs) },
    meters: { compute: stops, storage: continues, controlPlane: continues, egress: untouched(nodeBilling) },
  },
];
