// Every route of the emulated Lambda API over real HTTP; `Sandbox.call` holds each answer, success or error, against the contract document.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contract, launchBody, openSandbox, registerKey } from "../sandbox/fixture.js";

/** Instances stay booting for hours: these tests look at answers, not at machines. */
const still = { timeScale: 1, rateLimit: { enabled: false }, bootSeconds: { ip: 0, sshLead: 0, active: 36_000 }, terminateSeconds: 36_000 };
const unknownId = "0123456789abcdef0123456789abcdef";
const rule = { protocol: "tcp", port_range: [22, 22], source_network: "192.0.2.0/24", description: "office" };

test("a client generated from the contract can read every answer of every route", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const generated = await sandbox.ok("POST", "/ssh-keys", { name: "generated" });
  assert.match(generated.private_key, /^-----BEGIN RSA PRIVATE KEY-----/);
  await sandbox.ok("GET", "/ssh-keys");
  await sandbox.ok("DELETE", `/ssh-keys/${generated.id}`);

  const fileSystem = await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const spare = await sandbox.ok("POST", "/filesystems", { name: "spare", region: "us-east-1" });
  const ruleset = await sandbox.ok("POST", "/firewall-rulesets", { name: "web", region: "us-east-1", rules: [rule] });
  const full = {
    ...{ name: "job", hostname: "node1", file_system_names: ["spare"], file_system_mounts: [{ mount_point: "/data/models", file_system_id: fileSystem.id }] },
    ...{ tags: [{ key: "owner", value: "ci" }], firewall_rulesets: [{ id: ruleset.id }], image: { family: "lambda-stack-24-04" }, user_data: "#cloud-config\n" },
  };
  const id = await sandbox.launch(full);
  const plain = await sandbox.launch();
  for (const path of ["/instances", "/instances?cluster_id=x", `/instances/${id}`, `/instances/${plain}`]) await sandbox.ok("GET", path);
  assert.equal((await sandbox.ok("POST", `/instances/${id}`, { name: "renamed" })).name, "renamed");
  for (const path of ["/instance-types", "/images", "/regions", "/file-systems", "/firewall-rules", "/firewall-rulesets", `/firewall-rulesets/${ruleset.id}`]) {
    await sandbox.ok("GET", path);
  }
  await sandbox.ok("PATCH", `/firewall-rulesets/${ruleset.id}`, { name: "web2", rules: [] });
  await sandbox.ok("PUT", "/firewall-rules", { data: [rule] });
  await sandbox.ok("GET", "/firewall-rulesets/global");
  await sandbox.ok("PATCH", "/firewall-rulesets/global", { rules: [rule, { protocol: "icmp", source_network: "0.0.0.0/0", description: "" }] });
  await sandbox.ok("GET", "/audit-events?resource_type=cloud.instance");
  await sandbox.terminate(plain);

  const spareRuleset = await sandbox.ok("POST", "/firewall-rulesets", { name: "spare", region: "us-west-1", rules: [] });
  await sandbox.ok("DELETE", `/firewall-rulesets/${spareRuleset.id}`);
  const unused = await sandbox.ok("POST", "/filesystems", { name: "unused", region: "us-west-1" });
  assert.deepEqual(await sandbox.ok<object>("DELETE", `/filesystems/${unused.id}`), { deleted_ids: [unused.id] });

  const refusals: [string, string, string, unknown?][] = [
    ["404 global/object-does-not-exist", "GET", `/instances/${unknownId}`],
    ["404 global/object-does-not-exist", "POST", `/instances/${unknownId}`, { name: "x" }],
    ["400 global/invalid-parameters", "GET", "/instances/zz"],
    ["400 global/invalid-parameters", "POST", `/instances/${id}`, { name: "x".repeat(65) }],
    ["400 global/invalid-parameters", "POST", "/instance-operations/launch", {}],
    ["404 global/object-does-not-exist", "POST", "/instance-operations/launch", { ...launchBody, instance_type_name: "gpu_1x_none" }],
    ["400 instance-operations/launch/insufficient-capacity", "POST", "/instance-operations/launch", { ...launchBody, instance_type_name: "gpu_8x_v100" }],
    ["404 global/object-does-not-exist", "POST", "/instance-operations/terminate", { instance_ids: [unknownId] }],
    ["400 global/invalid-parameters", "POST", "/instance-operations/terminate", { instance_ids: ["zz"] }],
    ["404 global/object-does-not-exist", "POST", "/instance-operations/restart", { instance_ids: [unknownId] }],
    ["409 global/conflict", "POST", "/instance-operations/restart", { instance_ids: [id] }],
    ["400 global/invalid-parameters", "POST", "/instance-operations/restart", { instance_ids: [] }],
    ["400 global/invalid-parameters", "POST", "/ssh-keys", { name: "key", public_key: "ssh-ed25519 nonsense" }],
    ["400 global/invalid-parameters", "DELETE", "/ssh-keys/zz"],
    ["404 global/not-found", "DELETE", `/ssh-keys/${unknownId}`],
    ["400 global/duplicate", "POST", "/filesystems", { name: "data", region: "us-west-1" }],
    ["400 global/invalid-parameters", "POST", "/filesystems", { name: "1bad", region: "us-west-1" }],
    ["400 filesystems/filesystem-in-use", "DELETE", `/filesystems/${spare.id}`],
    ["404 global/object-does-not-exist", "DELETE", `/filesystems/${unknownId}`],
    ["400 firewall-rulesets/firewall-ruleset-in-use", "DELETE", `/firewall-rulesets/${ruleset.id}`],
    ["404 global/object-does-not-exist", "DELETE", `/firewall-rulesets/${unknownId}`],
    ["404 global/object-does-not-exist", "GET", `/firewall-rulesets/${unknownId}`],
    ["404 global/object-does-not-exist", "PATCH", `/firewall-rulesets/${unknownId}`, { name: "x" }],
    ["400 global/invalid-parameters", "POST", "/firewall-rulesets", { name: "x", region: "us-east-1", rules: [{ ...rule, port_range: undefined }] }],
    ["400 global/invalid-parameters", "PUT", "/firewall-rules", { data: [{ ...rule, protocol: "icmp" }] }],
    ["400 global/invalid-parameters", "PATCH", "/firewall-rulesets/global", { rules: [{ ...rule, source_network: "300.0.0.1" }] }],
    ["400 global/invalid-parameters", "GET", "/audit-events?start=yesterday"],
  ];
  for (const [expected, method, path, body] of refusals) assert.equal(await sandbox.refusal(method, path, body), expected, `${method} ${path}`);

  await sandbox.knobs({ quota: { filesystems: 2, firewallRulesets: 1, instances: 1 } });
  assert.equal(await sandbox.refusal("POST", "/filesystems", { name: "more", region: "us-east-1" }), "400 global/quota-exceeded");
  assert.equal(await sandbox.refusal("POST", "/firewall-rulesets", { name: "more", region: "us-east-1", rules: [] }), "400 global/quota-exceeded");
  assert.equal(await sandbox.refusal("POST", "/instance-operations/launch", launchBody), "400 global/quota-exceeded");
  await sandbox.knobs({ account: "invalid-address" });
  assert.equal(await sandbox.refusal("POST", "/filesystems", { name: "more", region: "us-east-1" }), "403 global/invalid-address");
  assert.equal(await sandbox.refusal("POST", "/instance-operations/launch", launchBody), "403 global/invalid-address");

  // 401 and 403 can be the answer of every route.
  const served = contract.operations().filter((operation) => !/\/(tickets|fabric)/.test(operation));
  for (const operation of served) {
    const [method = "", template = ""] = operation.split(" ");
    const path = template.replace("/api/v1", "").replace(/\{[^}]+\}/, unknownId);
    assert.equal((await sandbox.call(method, path, undefined, { authorization: "Bearer wrong" })).status, 401, operation);
  }
  await sandbox.knobs({ account: "inactive" });
  for (const operation of served) {
    const [method = "", template = ""] = operation.split(" ");
    const path = template.replace("/api/v1", "").replace(/\{[^}]+\}/, unknownId);
    assert.equal(await sandbox.refusal(method, path), "403 global/account-inactive", operation);
  }

  const withoutSuccess = served.filter((operation) => !contract.seen.has(`${operation} 200`) && !operation.includes("/restart"));
  assert.deepEqual(withoutSuccess, [], "operations whose success was never judged (restart: test/sandbox/instance.test.ts)");
});

test("the judge of answers does fail an answer that lacks, adds or mistypes a field", () => {
  const region = { name: "us-east-1", description: "Virginia, USA" };
  assert.deepEqual(contract.faults("GET", "/api/v1/regions", 200, { data: [region] }), []);
  assert.notDeepEqual(contract.faults("GET", "/api/v1/regions", 200, { data: [{ name: "us-east-1" }] }), []);
  assert.notDeepEqual(contract.faults("GET", "/api/v1/regions", 200, { data: [{ ...region, more: 1 }] }), []);
  assert.notDeepEqual(contract.faults("GET", "/api/v1/regions", 200, { data: [{ ...region, name: null }] }), []);
  assert.notDeepEqual(contract.faults("GET", "/api/v1/regions", 418, { data: [region] }), []);
});
