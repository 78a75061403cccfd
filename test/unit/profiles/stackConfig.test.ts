import assert from "node:assert/strict";
import { test } from "node:test";
import { collectStackConfig, parseStackConfig, platforms, profileFor } from "../../../profiles";
import { configWith, happyConfig, happyJob, thrownBy } from "./happy";

test("platform and job are enough; the defaults keep data and demand a pull", () => {
  const config = parseStackConfig({ platform: "lambda", job: "job.yaml" }, "Pulumi.dev.yaml");
  assert.deepEqual(config.job, { file: "job.yaml" });
  assert.deepEqual(config.storage, { mode: "create", name: null, region: null });
  assert.deepEqual(config.teardown, { verb: null, storage: "keep", require: "pulled" });
  assert.deepEqual(config.capacity, { candidates: [], maxWaitSeconds: 3600, maxLockSeconds: 300, maxAttempts: 50, maxHourlyUsd: null });
  assert.equal(config.lambda.endpoint, "https://cloud.lambda.ai/api/v1");
  assert.deepEqual(config.lambda.image, { family: "lambda-stack-24-04" });
  assert.equal(config.disposable, null);
});

test("shorthands mean what they say", () => {
  assert.deepEqual(configWith({ storage: "create" }).storage, { mode: "create", name: null, region: null });
  assert.deepEqual(configWith({ storage: { create: { name: "team", region: "us-east-1" } } }).storage, { mode: "create", name: "team", region: "us-east-1" });
  assert.deepEqual(configWith({ storage: { existing: "team" } }).storage, { mode: "existing", name: "team" });
  assert.deepEqual(configWith({ storage: { adopt: "abc123" } }).storage, { mode: "adopt", id: "abc123" });
  assert.deepEqual(configWith({ disposable: true }).disposable, { maxHours: 2 });
  assert.equal(configWith({ disposable: false }).disposable, false);
  assert.deepEqual(configWith({ capacity: { candidates: ["gpu_1x_a10", "gpu_1x_a100_sxm4@us-east-1"] } }).capacity.candidates, [
    { type: "gpu_1x_a10", region: null },
    { type: "gpu_1x_a100_sxm4", region: "us-east-1" },
  ]);
  assert.deepEqual(configWith({ lambda: { image: { id: "00000000-0000-0000-0000-000000000000" } } }).lambda.image, { id: "00000000-0000-0000-0000-000000000000" });
});

test("every fault of a config at once, with what is allowed", () => {
  const message = thrownBy(() =>
    parseStackConfig(
      {
        platform: "lamda",
        jobs: "x",
        storage: "creat",
        teardown: { storage: "delete", require: "verifiedInPlace" },
        capacity: { candidates: ["a b", "x", "x"], maxWait: 3 },
        budget: { maxUSD: 1 },
        lambda: { endpoint: "http://example.com", firewall: [{ protocol: "tcp", source: "anywhere" }] },
        disposable: "yes",
      },
      "Pulumi.dev.yaml",
    ),
  );
  assert.equal(
    message,
    `Pulumi.dev.yaml is not a valid config of a stack, 13 faults:
  job is missing: must be a job request, or the path of a YAML file with one
  storage = "creat": must be create, {create: {name, region}}, {existing: NAME} or {adopt: ID}
  capacity.candidates[0] = "a b": must be an instance type, with a region if wanted: TYPE or TYPE@REGION
  capacity.maxWait is not known, did you mean maxWaitMinutes? (allowed here: candidates, maxWaitMinutes, maxLockMinutes, maxAttempts, maxHourlyUsd)
  budget.maxUSD is not known, did you mean maxUsd? (allowed here: maxUsd, maxHours)
  disposable = "yes": must be true, false or {maxHours: HOURS}
  lambda.endpoint = "http://example.com": must be sandbox, or an https URL
  lambda.firewall[0].source = "anywhere": must be an IPv4 address or network such as 192.0.2.0/24
  jobs is not known, did you mean job? (allowed here: platform, job, storage, teardown, capacity, budget, disposable, access, custody, keeper, ${platforms.join(", ")})
  platform = "lamda": must be one of ${platforms.join(", ")}; did you mean lambda?
  teardown.require = "verifiedInPlace": must be pulled when teardown.storage is delete, the verified copy would go with it
  capacity.candidates[2] = "x": must be unique, capacity.candidates[1] is the same
  lambda.firewall[0].port is missing: must be a port or a range such as 8000-8100`,
  );
});

test("a verb that ends nothing is no teardown", () => {
  assert.match(thrownBy(() => configWith({ teardown: { verb: "shutdown" } })), /teardown\.verb = "shutdown": must be one of terminate on lambda \(.* ends nothing: LAM3\)/);
  assert.match(thrownBy(() => configWith({ teardown: { verb: "stop" } })), /must be one of terminate on lambda/);
});

test("storage of somebody else is never deleted", () => {
  assert.match(thrownBy(() => configWith({ storage: { existing: "team" }, teardown: { storage: "delete" } })), /teardown\.storage = "delete": must be keep, existing storage is never deleted/);
  assert.match(thrownBy(() => configWith({ storage: { existing: "team", adopt: "abc" } })), /storage has existing and adopt: must be exactly one/);
  assert.match(thrownBy(() => configWith({ storage: {} })), /storage has none: must be exactly one/);
});

test("keys and private keys in config are refused without being repeated", () => {
  const key = "secret_sandbox_0123456789abcdef";
  const pem = "-----BEGIN OPENSSH PRIVATE KEY-----";
  for (const changes of [{ lambda: { keyFile: key } }, { apiKey: key }, { lambda: { apiKey: key } }, { access: { authorizedKeys: [pem] } }, { job: { ...happyJob, secrets: [`K=${key}`] } }]) {
    const message = thrownBy(() => configWith(changes));
    assert.ok(!message.includes(key) && !message.includes(pem), message);
  }
});

test("a job written into the config has its faults next to the config's", () => {
  const message = thrownBy(() => configWith({ job: { ...happyJob, roster: [{ name: "a" }, { name: "a" }], checkpoint: { dir: "/x" } }, budget: { maxHours: 0 } }));
  assert.match(message, /job\.roster\[1\]\.name = "a": must be unique/);
  assert.match(message, /job\.checkpoint\.dir cannot be set: the checkpoint directory is derived/);
  assert.match(message, /budget\.maxHours = 0: must be hours above 0/);
});

test("a misspelt key in the stack file is seen, because the whole namespace is read", () => {
  const raw = collectStackConfig({ "holdfast:platform": "lambda", "holdfast:job": '{"name":"a","command":"b"}', "holdfast:bugdet": '{"maxHours":2}', "aws:region": "x", "holdfast:disposable": "true" });
  assert.deepEqual(raw, { platform: "lambda", job: { name: "a", command: "b" }, bugdet: { maxHours: 2 }, disposable: true });
  assert.match(thrownBy(() => parseStackConfig(raw, "Pulumi.dev.yaml")), /bugdet is not known, did you mean budget\?/);
});

test("an unknown platform suggests the nearest", () => {
  assert.match(thrownBy(() => profileFor("lambada")), /did you mean lambda\?/);
  assert.match(thrownBy(() => profileFor("constructor")), /There is no profile of a platform "constructor"; a machine that you reach over SSH is platform ssh\. Known: lambda, /);
  for (const [typed, meant] of [["k8s", "kubernetes"], ["gradient", "paperspaceGradient"], ["paperspace", "paperspaceCore"], ["Google Colab", "colab"], ["EKS", "kubernetes"], ["auto-dl", "autodl"]] as const) assert.match(thrownBy(() => profileFor(typed)), new RegExp(`did you mean ${meant}\\?`), typed);
  assert.match(thrownBy(() => parseStackConfig({ ...happyConfig, platform: 3 }, "x")), /platform = 3: must be one of lambda/);
});

test("a lease that renews itself needs a bound in dollars: one fault, which says what to write", () => {
  const renewing = { platform: "lambda", job: "job.yaml", keeper: { renewHours: 6 } };
  const fault = /keeper\.renewHours = 6: must stand beside budget\.maxUsd.*write budget: \{maxUsd: 20\}/;
  assert.match(thrownBy(() => parseStackConfig(renewing, "Pulumi.dev.yaml")), fault);
  assert.match(thrownBy(() => parseStackConfig({ ...renewing, budget: { maxHours: 12, maxUsd: null } }, "Pulumi.dev.yaml")), fault);
  assert.equal(parseStackConfig({ ...renewing, budget: { maxUsd: 20 } }, "Pulumi.dev.yaml").keeper.renewHours, 6);
});
