import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointsOnDurableVolume, claimOutlivesItsStack, evidenceOutlivesJob, gpuJobHasDeadline, gpuJobSaysWhereItCheckpoints, graceCoversCheckpoint, noSecretLiterals, oneNodeClaimOnePod, preemptionIsNotFailure, workResumes } from "../../policy/rules";
import type { ResourceRule } from "../../policy/rules";
import { kindOf } from "../../policy/kubernetes/kinds";
import { bytesOf } from "../../policy/kubernetes/gpu";
import { judge, judgeByAll, judgeStack, nothing, tripped, UNKNOWN, type StackEntry } from "./judging";
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
    "kubernetes:kubeflow.org/v1:PyTorchJob": "PyTorchJob",
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

test("a secret without a known prefix is found by the name of its property, and the name of a secret is none", async () => {
  const key = ["3f9a1c2b4d5e6f708192", "a3b4c5d6e7f809a1b2c3"].join("");
  const said = async (kind: string, props: Record<string, unknown>) => (await judge(noSecretLiterals, { type: `kubernetes:${kind}`, props })).violations.join("\n");
  const config = (data: Record<string, string>) => said("core/v1:ConfigMap", { data });
  const chart = (values: Record<string, unknown>) => said("helm.sh/v3:Release", { chart: "trainer", values });
  assert.match(await config({ WANDB_API_KEY: key }), /^data\.WANDB_API_KEY: holds what looks like a secret/);
  assert.match(await config({ DB_PASSWORD: ["hunter", "2"].join("") }), /data\.DB_PASSWORD/);
  assert.match(await config({ "train.yaml": `tracker:\n  project: digits\n  api_key: ${key}\n` }), /data\.train\.yaml/);
  assert.match(await chart({ wandb: { apiKey: key } }), /values\.wandb\.apiKey/);
  assert.match(await chart({ db: { adminPassword: ["change", "me"].join("") } }), /values\.db\.adminPassword/);
  for (const fine of [{ WANDB_PROJECT: "digits", MAX_TOKENS: "4096", TOKENIZERS_PARALLELISM: "false", GIT_SHA: key }, { "train.py": "password = getpass()\ntoken = os.environ['HF_TOKEN']\nsecret: wandb-secret\n" }, { TOKEN_FILE: "/run/secrets/token" }]) assert.equal(await config(fine), "", JSON.stringify(fine));
  assert.equal(await chart({ existingSecret: "trainer-credentials-v2", secretKey: "password", imagePullSecrets: [{ name: "regcred" }], auth: { passwordKey: "redis-password", password: "${REDIS_PASSWORD}" } }), "");
  assert.equal((await judge(noSecretLiterals, { type: "kubernetes:core/v1:ConfigMap", props: { data: { WANDB_API_KEY: key } }, config: { allow: ["WANDB_API_KEY"] } })).violations.join(), "");
  assert.ok(!(await config({ WANDB_API_KEY: key })).includes(key.slice(0, 8)));
});

test("whatever empties the checkpoints' folder before the training makes each attempt start over", async () => {
  const line = (text: string) => changed((_, __, container) => Object.assign(container, { command: ["sh", "-c", text] }));
  for (const text of ["rm -rf /checkpoints/* && python train.py --ckpt-dir /checkpoints", "D=/checkpoints; rm -rf $D; python train.py --ckpt-dir $D", "rm -f /checkpoints/run/*.pt; python train.py --ckpt-dir /checkpoints/run", "find /checkpoints -type f -delete; python train.py --ckpt-dir /checkpoints", "rm -rf /checkpoints/run/last.ckpt; python train.py --ckpt-dir /checkpoints/run"]) {
    assert.match((await by(workResumes, line(text))).violations.join(), /(rm|find) deletes the checkpoints before the program starts.*K8S5/s, text);
  }
  for (const text of ["rm -rf /tmp/cache && python train.py --ckpt-dir /checkpoints", "python train.py --ckpt-dir /checkpoints && rm -rf /checkpoints/old", "rm -f /checkpoints/*.tmp; python train.py --ckpt-dir /checkpoints", "rm -rf /checkpoints/hf_cache; python train.py --ckpt-dir /checkpoints", "find /checkpoints -name '*.tmp' -delete; python train.py --ckpt-dir /checkpoints", "trap 'rm -rf /checkpoints' INT; python train.py --ckpt-dir /checkpoints"]) {
    assert.deepEqual(await by(workResumes, line(text)), nothing, text);
  }
  const cleans = (mountPath: string, command: string[]) => changed((_, pod) => Object.assign(pod, { initContainers: [{ name: "clean", image: "busybox", command, volumeMounts: [{ name: "ckpt", mountPath }] }] }));
  assert.match((await by(workResumes, cleans("/data", ["rm", "-rf", "/data/"]))).violations.join(), /initContainers\[0\]\.command: rm deletes/, "another name of the same volume");
  assert.deepEqual(await by(workResumes, cleans("/checkpoints", ["rm", "-rf", "/scratch"])), nothing);
});

test("a rule about something else does not repeat a key that was typed in the wrong place", async () => {
  const key = ["hf_", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"].join("");
  const random = ["Zx9Qw2Er5Ty8Ui1", "Op4As7Df0Gh3Jk6"].join("");
  for (const value of [key, random]) {
    for (const change of [{ image: value }, { image: `registry.example.com/app:${value}` }, { command: ["python", "train.py", `--ckpt-dir=/x/${value}`] }, { env: [{ name: "CHECKPOINT_DIR", value }] }]) {
      const said = (await judgeByAll([changed((_, __, container) => Object.assign(container, change))])).join("\n");
      assert.notEqual(said, "");
      assert.ok(!said.includes(value.slice(4, 16)), said);
    }
    assert.match((await judgeByAll([changed((_, pod) => (pod["restartPolicy"] = value))])).join(), /restart-policy-fits: .*\(not shown\) is not taken/);
  }
});

test("a value of the wrong kind, or a secret of an exported state, ends no judgement of the rest", async () => {
  const encrypted = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:abc" };
  for (const odd of [encrypted, null, 7, true, ["x"]]) {
    for (const change of [{ image: odd }, { env: [{ name: odd, value: "x" }] }, { env: [{ name: "CHECKPOINT_DIR", value: odd }] }, { env: [{ name: "RUN", value: odd }] }, { volumeMounts: [{ name: "ckpt", mountPath: odd }] }, { command: odd }, { resources: odd }]) {
      const said = await judgeByAll([changed((spec, _, container) => {
        delete spec["activeDeadlineSeconds"];
        Object.assign(container, { resources: { limits: { "nvidia.com/gpu": 1 } } }, change);
      })]);
      if (!("resources" in change)) assert.ok(said.some((line) => line.startsWith("gpu-job-has-deadline: ")), JSON.stringify(change));
    }
  }
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

test("a job of the training operator is judged as one, over all its roles", async () => {
  const entry = (): StackEntry => structuredClone(readCorpus("fine").find(({ file }) => file === "pytorch-job.yaml")!.entries[0]!);
  const roles = ({ props }: StackEntry) => (props!["spec"] as { pytorchReplicaSpecs: Record<string, { template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[]; volumes?: unknown } } }> }).pytorchReplicaSpecs;
  const silent = entry();
  roles(silent)["Master"]!.template.spec.containers[0]!["command"] = ["torchrun", "train.py"];
  assert.match((await by(gpuJobSaysWhereItCheckpoints, silent)).violations.join("\n"), /^spec\.pytorchReplicaSpecs\.Master\.template\.spec: nothing says where/);
  const lost = entry();
  roles(lost)["Master"]!.template.spec.volumes = [{ name: "ckpt", emptyDir: {} }];
  assert.match((await by(checkpointsOnDurableVolume, lost)).violations.join(), /Master\.template\.spec\.containers\[0\]\.command \(--output_dir\): \/checkpoints\/bert is an emptyDir/);
  const endless = entry();
  const spec = endless.props!["spec"] as Record<string, unknown>;
  delete spec["runPolicy"];
  const { violations } = await by(gpuJobHasDeadline, endless);
  assert.equal(violations.length, 1, "two roles, one bound");
  assert.match(violations[0]!, /^spec\.runPolicy\.activeDeadlineSeconds: nothing ends it/);
  await gpuJobHasDeadline.remediateResource?.({ type: endless.type, props: endless.props, getConfig: () => ({}) } as never);
  assert.deepEqual(spec["runPolicy"], { activeDeadlineSeconds: 604_800 });
  assert.deepEqual(await by(gpuJobHasDeadline, endless), nothing);
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
