import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointsOnDurableVolume, claimOutlivesItsStack, evidenceOutlivesJob, gpuJobHasDeadline, gpuJobSaysWhereItCheckpoints, graceCoversCheckpoint, noSecretLiterals, oneNodeClaimOnePod, preemptionIsNotFailure } from "../../policy/rules";
import type { ResourceRule } from "../../policy/rules";
import { kindOf } from "../../policy/kubernetes/kinds";
import { bytesOf } from "../../policy/kubernetes/gpu";
import { judge, judgeStack, nothing, tripped, UNKNOWN, type StackEntry } from "./judging";
import { readCorpus } from "./manifests";

const happy = (): StackEntry => readCorpus("fine").find(({ file }) => file === "single-gpu-claim.yaml")!.entries[0]!;

interface Spec {
  [key: string]: unknown;
  template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[]; volumes: Record<string, unknown>[] } };
}

function changed(change: (spec: Spec, pod: Spec["template"]["spec"], container: Record<string, unknown>) => void): StackEntry {
  const entry = structuredClone(happy());
  const spec = entry.props!["spec"] as Spec;
  change(spec, spec.template.spec, spec.template.spec.containers[0]!);
  return entry;
}

const by = (rule: ResourceRule, { type, props = {} }: StackEntry, config = {}) => judge(rule, { type, props, config });

test("a kind is known in every version of its group, and in no other group", () => {
  const kinds: Record<string, string | null> = {
    "kubernetes:batch/v1:Job": "Job",
    "kubernetes:batch/v1beta1:CronJob": "CronJob",
    "kubernetes:core/v1:Pod": "Pod",
    "kubernetes:apps/v1beta2:StatefulSet": "StatefulSet",
    "kubernetes:extensions/v1beta1:Deployment": "Deployment",
    "kubernetes:storage.k8s.io/v1:StorageClass": "StorageClass",
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": "JobSet",
    "kubernetes:trainer.kubeflow.org/v1alpha1:TrainJob": "TrainJob",
    "kubernetes:batch.volcano.sh/v1alpha1:Job": null,
    "kubernetes:batch/v1:JobPatch": null,
    "kubernetes:batch/v1:JobList": null,
    "aws:batch/v1:Job": null,
  };
  for (const [type, kind] of Object.entries(kinds)) assert.equal(kindOf(type), kind, type);
});

test("amounts are read as the API server reads them", () => {
  for (const [amount, bytes] of [["8Gi", 8 * 2 ** 30], ["512Mi", 2 ** 29], ["1e9", 1e9], ["2G", 2e9], [1024, 1024], ["lots", null], [undefined, null]] as const) assert.equal(bytesOf(amount), bytes, String(amount));
});

test("checkpoints on an emptyDir fail with the path, the reason and the remedy", async () => {
  const { violations } = await by(checkpointsOnDurableVolume, changed((_, pod) => (pod.volumes[0] = { name: "ckpt", emptyDir: {} })));
  assert.deepEqual(violations, [
    `spec.template.spec.containers[0].command (--checkpoint-dir): /checkpoints is an emptyDir.
  Why: it is deleted with its pod, and a replacement pod starts with an empty one (K8S5).
  Instead: a claim mounted at /checkpoints (volumes: [{name: ckpt, persistentVolumeClaim: {claimName: ...}}]), or a bucket's URL; if the durable copy is made elsewhere, annotations: {holdfast/checkpoint-dir: ITS PLACE}.`,
  ]);
});

test("a further inline driver can be named as durable", async () => {
  const weka = changed((_, pod) => (pod.volumes[0] = { name: "ckpt", csi: { driver: "weka.csi.example.com" } }));
  assert.match((await by(checkpointsOnDurableVolume, weka)).violations.join(), /inline volume of weka\.csi\.example\.com/);
  assert.deepEqual(await by(checkpointsOnDurableVolume, weka, { durableDrivers: ["weka.csi.example.com"] }), nothing);
});

test("a value that is not known yet is named, the rest is judged, and nothing is invented about it", async () => {
  const claim = await by(checkpointsOnDurableVolume, changed((_, pod) => (pod.volumes[0] = { name: "ckpt", persistentVolumeClaim: { claimName: UNKNOWN } })));
  assert.deepEqual(claim.violations, []);
  assert.match(claim.unknown ?? "", /claimName/);
  const variable = changed((_, __, container) => Object.assign(container, { command: ["python", "train.py"], env: [{ name: "PEER", value: UNKNOWN }, { name: "CHECKPOINT_DIR", value: "/tmp/x" }] }));
  assert.match((await by(checkpointsOnDurableVolume, variable)).violations.join(), /\/tmp\/x is the container's own file system/);
  const maybe = await by(gpuJobSaysWhereItCheckpoints, changed((_, __, container) => Object.assign(container, { command: ["python", UNKNOWN] })));
  assert.deepEqual(maybe.violations, []);
  assert.match(maybe.unknown ?? "", /command\.1/);
  const spec = await by(gpuJobHasDeadline, { ...happy(), props: { spec: UNKNOWN } });
  assert.match(spec.unknown ?? "", /\.spec/);
});

test("a secret is found in every container, and its value is repeated nowhere", async () => {
  const value = ["hf_", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"].join("");
  for (const change of [{ env: [{ name: "ANYTHING", value }] }, { args: ["--note", value] }, { lifecycle: { preStop: { exec: { command: ["curl", value] } } } }]) {
    const { violations } = await by(noSecretLiterals, changed((_, __, container) => Object.assign(container, change)));
    assert.equal(violations.length, 1, violations.join("\n"));
    assert.match(violations[0]!, /a Hugging Face token/);
    assert.ok(!violations[0]!.includes(value.slice(0, 10)));
  }
  const config: StackEntry = { type: "kubernetes:core/v1:ConfigMap", name: "c", props: { data: { "train.yaml": `token: ${value}` } } };
  assert.deepEqual(await tripped([config]), ["no-secret-literals"]);
  assert.deepEqual(await tripped([{ ...config, type: "kubernetes:core/v1:Secret" }]), []);
});

test("what a place is called counts only where a GPU works for it, and a word about checkpoints always", async () => {
  const cpu = (word: string) => changed((_, pod, container) => {
    pod.volumes[0] = { name: "ckpt", emptyDir: {} };
    Object.assign(container, { command: ["python", "report.py", `${word}=/checkpoints`], resources: {} });
  });
  assert.deepEqual(await by(checkpointsOnDurableVolume, cpu("--output-dir")), nothing);
  assert.match((await by(checkpointsOnDurableVolume, cpu("--ckpt-dir"))).violations.join(), /an emptyDir/);
});

test("a deadline, a grace period and a longer stay can be added for you; where data goes is never changed", () => {
  const bare = () => structuredClone(changed((spec, pod) => {
    delete spec["activeDeadlineSeconds"];
    delete pod["terminationGracePeriodSeconds"];
    spec["ttlSecondsAfterFinished"] = 5;
  }).props!);
  const remedied = (rule: ResourceRule, config = {}) => {
    const props = bare();
    const args = { type: happy().type, props, getConfig: () => config } as unknown as Parameters<NonNullable<ResourceRule["remediateResource"]>>[0];
    const made = rule.remediateResource!(args) as Record<string, unknown>;
    return (made["spec"] as Spec);
  };
  assert.equal(remedied(gpuJobHasDeadline)["activeDeadlineSeconds"], 604_800);
  assert.equal(remedied(gpuJobHasDeadline, { remedySeconds: 3600 })["activeDeadlineSeconds"], 3600);
  assert.equal(remedied(graceCoversCheckpoint).template.spec["terminationGracePeriodSeconds"], 60);
  assert.equal(remedied(evidenceOutlivesJob)["ttlSecondsAfterFinished"], 86_400);
  for (const rule of [checkpointsOnDurableVolume, gpuJobSaysWhereItCheckpoints]) assert.equal(rule.remediateResource, undefined);
});

test("a Job that evictions can end fails unless it has retries enough", async () => {
  const limited = (limit: number) => changed((spec) => {
    delete spec["podFailurePolicy"];
    spec["backoffLimitPerIndex"] = limit;
  });
  assert.match((await by(preemptionIsNotFailure, limited(0))).violations.join(), /backoffLimitPerIndex \(0\).*the first preempted or drained pod/s);
  assert.deepEqual(await by(preemptionIsNotFailure, limited(50)), nothing);
  assert.deepEqual(await by(preemptionIsNotFailure, limited(5), { enoughRetries: 5 }), nothing);
});

const claim = (spec: object = {}, more: Partial<StackEntry> = {}): StackEntry => ({ type: "kubernetes:core/v1:PersistentVolumeClaim", name: "ckpt", props: { metadata: { name: "ckpt" }, spec: { accessModes: ["ReadWriteOnce"], ...spec } }, ...more });
const storageClass = (reclaimPolicy?: string): StackEntry => ({ type: "kubernetes:storage.k8s.io/v1:StorageClass", name: "fast", props: { metadata: { name: "fast" }, ...(reclaimPolicy === undefined ? {} : { reclaimPolicy }) } });
const outlives = async (...entries: StackEntry[]): Promise<string> => (await judgeStack(claimOutlivesItsStack, entries)).violations.join("\n");

test("a claim of checkpoints is protected, or its class retains the volume", async () => {
  assert.match(await outlives(claim(), happy()), /^ckpt: options\.protect: nothing protects the claim/);
  assert.equal(await outlives(claim({}, { options: { protect: true } }), happy()), "");
  assert.match(await outlives(claim({ storageClassName: "fast" }), storageClass("Delete"), happy()), /reclaimPolicy Delete/);
  assert.match(await outlives(claim({ storageClassName: "fast" }), storageClass(), happy()), /reclaimPolicy Delete/);
  assert.equal(await outlives(claim({ storageClassName: "fast" }), storageClass("Retain"), happy()), "");
});

test("a claim of a volume that is retained by itself stays, one whose volume is deleted does not", async () => {
  const volume = (policy?: string): StackEntry => ({ type: "kubernetes:core/v1:PersistentVolume", name: "pv", props: { metadata: { name: "pv" }, spec: { nfs: { server: "192.0.2.1", path: "/x" }, ...(policy !== undefined && { persistentVolumeReclaimPolicy: policy }) } } });
  const bound = claim({ volumeName: "pv" });
  assert.equal(await outlives(bound, volume(), happy()), "");
  assert.equal(await outlives(bound, volume("Retain"), happy()), "");
  assert.match(await outlives(bound, volume("Delete"), happy()), /nothing protects/);
});

test("a claim whose place another object decides is taken for the checkpoints', when it is the only one", async () => {
  const elsewhere = (more: Record<string, unknown>[] = []) => changed((_, pod, container) => {
    Object.assign(container, { command: ["python", "train.py"], env: [{ name: "CHECKPOINT_DIR", valueFrom: { configMapKeyRef: { name: "c", key: "dir" } } }] });
    pod.volumes = [{ name: "ckpt", persistentVolumeClaim: { claimName: "ckpt" } }, ...more];
  });
  assert.match(await outlives(claim(), elsewhere()), /nothing protects/);
  assert.equal(await outlives(claim(), elsewhere([{ name: "data", persistentVolumeClaim: { claimName: "data" } }])), "");
});

test("a claim that is mounted for something else is nobody's checkpoint; one that nobody mounts may be", async () => {
  const elsewhere = changed((_, pod) => pod.volumes.push({ name: "data", persistentVolumeClaim: { claimName: "data" } }));
  const data = { ...claim(), name: "data", props: { metadata: { name: "data" }, spec: {} } };
  assert.equal(await outlives(data, elsewhere), "");
  assert.match(await outlives(claim()), /nothing protects/);
  assert.deepEqual(await judgeStack(claimOutlivesItsStack, [claim()], { judgeUnusedClaims: false }), nothing);
});

test("a claim whose name is not known yet is found by what depends on it", async () => {
  const user = { ...changed((_, pod) => (pod.volumes[0] = { name: "ckpt", persistentVolumeClaim: { claimName: UNKNOWN } })), through: { spec: ["ckpt"] } };
  assert.match(await outlives(claim(), user), /nothing protects/);
});

test("a claim of one node is not shared by pods that may be on several", async () => {
  const shared = async (entry: StackEntry, modes = ["ReadWriteOnce"]) => (await judgeStack(oneNodeClaimOnePod, [claim({ accessModes: modes }), entry])).violations.join("\n");
  const four = (affinity = {}) => changed((spec, pod) => {
    spec["parallelism"] = 4;
    Object.assign(pod, affinity);
  });
  assert.equal(await shared(happy()), "");
  assert.match(await shared(four()), /4 pods of train mount it.*Multi-Attach.*K8S4/s);
  assert.equal(await shared(four(), ["ReadWriteMany"]), "");
  assert.equal(await shared(four({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }] } } })), "");
  assert.match(await shared(four({ nodeName: "a" }), ["ReadWriteOncePod"]), /stay Pending/);
});
