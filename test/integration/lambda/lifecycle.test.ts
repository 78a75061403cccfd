/** The kinds against the sandbox's real instances: what stands, what bills, and what is left after each accident. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isLambdaError } from "../../../providers/lambda/api/errors";
import { storageIsEmpty } from "../../../providers/lambda/source";
import { listBillables } from "../../../providers/lambda/billables";
import { connectLambda } from "../../../providers/lambda/connection";
import { filesystemKind } from "../../../providers/lambda/kinds/filesystem";
import type { FirewallRulesetInputs } from "../../../providers/lambda/kinds/firewallRuleset";
import { firewallRulesetKind } from "../../../providers/lambda/kinds/firewallRuleset";
import type { InstanceInputs } from "../../../providers/lambda/kinds/instance";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import { makeKey, ssh } from "../../sandbox/fixture";
import { sshKeyKind } from "../../../providers/lambda/kinds/sshKey";
import { removePrivateKeys } from "../../../providers/lambda/privateKeys";
import type { Bench, Storage } from "./bench";
import { createStorage, destroy, endpoint, instanceInputsOf, openBench } from "./bench";

/** Ids of instances that bill at the sandbox now. */
const billing = async ({ sandbox }: Bench): Promise<string[]> => (await sandbox.meter()).billing.filter(({ kind }) => kind === "instance").map(({ id }) => id);
const calls = async ({ sandbox }: Bench, path: string): Promise<number> => (await sandbox.requests()).filter((request) => request.path.endsWith(path)).length;
const launchPath = "/instance-operations/launch";

test("a run's key, file system and instance come up, are reached by ssh, and leave nothing that bills", async (t) => {
  const bench = await openBench(t);
  const storage = await createStorage(bench);
  const inputs = instanceInputsOf(bench.binding, storage);
  const before = (await bench.sandbox.requests()).length;
  const instance = await instanceKind(bench.edges).create(inputs, bench.context);
  const own = (await bench.sandbox.requests()).slice(before);
  t.diagnostic(`create: ${own.length} calls: ${own.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{32}/, "ID")}`).join(", ")}`);
  assert.equal(own.filter(({ status }) => status === 429).length, 0, "paced within the vendor's limits");
  assert.ok(instance.outs.ip);
  const key = { file: join(bench.run.paths.ssh, storage.key.name), publicKey: storage.key.publicKey };
  assert.equal(await ssh(bench.sandbox, key, instance.outs.ip, `findmnt -n -o TARGET ${storage.filesystem.mountPoint}; whoami`), `${storage.filesystem.mountPoint}\nubuntu`);
  assert.deepEqual(instanceKind(bench.edges).diff(instance.outs, inputs), { changes: false, replaces: [] });

  const billables = await listBillables(await connectLambda(endpoint, bench.context));
  assert.deepEqual(billables.map(({ kind, name }) => [kind, name]), [["instance", instance.outs.launchName], ["filesystem", storage.filesystem.filesystemName]]);

  await destroy(bench, instance, storage);
  assert.deepEqual((await bench.sandbox.meter()).billing, []);
  assert.deepEqual(bench.asked.map(({ role, verb }) => `${verb} ${role}`), ["terminate instance", "delete filesystem"]);
  assert.deepEqual(await bench.sandbox.ok("GET", "/ssh-keys"), []);
  const view = bench.run.view();
  assert.equal(view.resources.size, 0);
  assert.equal(view.openIntents.length, 0);
});

test("a firewall ruleset goes with the launch, is edited in place, and is deleted once its instance is gone", async (t) => {
  const bench = await openBench(t, { terminateSeconds: 120 });
  const storage = await createStorage(bench);
  const kind = firewallRulesetKind(bench.edges);
  const inputs: FirewallRulesetInputs = { binding: bench.binding, endpoint, role: "firewall", namePrefix: "holdfast-digits", region: storage.filesystem.filesystemRegion, rules: [{ protocol: "tcp", port: 6006, source: "192.0.2.0/24" }] };
  const { id, outs } = await kind.create(inputs, bench.context);
  const instance = await instanceKind(bench.edges).create({ ...instanceInputsOf(bench.binding, storage), firewallRulesetIds: [id] }, bench.context);
  const changed: FirewallRulesetInputs = { ...inputs, rules: [{ protocol: "tcp", port: "8000-8010", source: "192.0.2.0/24" }] };
  const updated = await kind.update(id, outs, changed, bench.context);
  const { rules } = await bench.sandbox.ok<{ rules: { port_range: number[] }[] }>("GET", `/firewall-rulesets/${id}`);
  assert.deepEqual(rules.map(({ port_range }) => port_range), [[22, 22], [8000, 8010]]);
  const deletion = kind.delete(id, updated, bench.context);
  await destroy(bench, instance, storage);
  await deletion;
  assert.deepEqual(await bench.sandbox.ok("GET", "/firewall-rulesets"), []);
});

test("a rename happens in place, and a refresh sees a new address", async (t) => {
  const bench = await openBench(t);
  const storage = await createStorage(bench);
  const inputs = instanceInputsOf(bench.binding, storage);
  const kind = instanceKind(bench.edges);
  const { id, outs } = await kind.create(inputs, bench.context);
  const renamed = await kind.update(id, outs, { ...inputs, name: "letters" }, bench.context);
  assert.equal((await bench.sandbox.ok("GET", `/instances/${id}`)).name, renamed.instanceName);
  const seen = await kind.read?.(id, { ...renamed, ip: "192.0.2.1" }, bench.context);
  assert.equal(seen?.ip, outs.ip);
  assert.equal(bench.run.view().address?.host, outs.ip);
});

for (const how of ["reset", "502"] as const) {
  test(`a launch whose reply is lost (${how}) leaves one instance`, async (t) => {
    const bench = await openBench(t, { loseLaunchReply: { count: 1, how }, listLagSeconds: 30 });
    const storage = await createStorage(bench);
    const { id } = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
    assert.deepEqual(await billing(bench), [id]);
    assert.equal(await calls(bench, launchPath), 1);
  });
}

test("a launch that failed in the API without being carried out is looked for, and the next create makes one instance", async (t) => {
  const bench = await openBench(t, { fail5xx: [{ path: "/api/v1/instance-operations/launch", count: 1, status: 500 }] });
  const storage = await createStorage(bench);
  const inputs = instanceInputsOf(bench.binding, storage);
  await assert.rejects(instanceKind(bench.edges).create(inputs, bench.context), (error) => isLambdaError(error, "ambiguous"));
  assert.deepEqual(await billing(bench), []);
  const { id } = await instanceKind(bench.edges).create(inputs, bench.context);
  assert.deepEqual(await billing(bench), [id]);
});

for (const moment of ["before-reply", "after-launch"]) {
  test(`an instance launched by a provider that was killed (${moment}) is adopted by the next create`, async (t) => {
    const bench = await openBench(t);
    const storage = await createStorage(bench);
    const inputs = instanceInputsOf(bench.binding, storage);
    await killedCreate(bench, inputs, moment);
    const [left, ...others] = await bench.sandbox.ok<{ id: string }[]>("GET", "/instances");
    assert.ok(left, "the killed process had launched");
    assert.deepEqual(others, []);
    const { id, outs } = await instanceKind(bench.edges).create(inputs, bench.context);
    assert.equal(id, left.id);
    assert.equal(outs.status, "active");
    assert.equal(await calls(bench, launchPath), 1);
    assert.equal(bench.run.view().openIntents.length, 0);
  });
}

async function killedCreate(bench: Bench, inputs: InstanceInputs, moment: string): Promise<void> {
  const child = spawn(process.execPath, [join(__dirname, "killedProvider.js"), bench.project, JSON.stringify(inputs), moment], { stdio: ["ignore", "ignore", "inherit"] });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.equal(signal, "SIGKILL");
}

test("capacity that is listed but refused leads to the next candidate", async (t) => {
  const bench = await openBench(t, { listedButRefused: ["cpu_4x_general"], capacity: { gpu_1x_a10: ["us-east-1"], cpu_4x_general: ["us-east-1"] } });
  const storage = await createStorage(bench);
  const inputs = { ...instanceInputsOf(bench.binding, storage), candidates: ["cpu_4x_general", "gpu_1x_a10"].map((type) => ({ type, region: null })), capacity: { maxWaitSeconds: 300, maxLockSeconds: 300, maxAttempts: 3, maxHourlyUsd: 2 } };
  const { outs } = await instanceKind(bench.edges).create(inputs, bench.context);
  assert.equal(outs.instanceType, "gpu_1x_a10");
});

test("an instance that is unhealthy on boot is ended and another takes its place", async (t) => {
  const bench = await openBench(t, { unhealthyOnBoot: 1 });
  const storage = await createStorage(bench);
  const { id } = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
  assert.deepEqual(await billing(bench), [id]);
  assert.equal(await calls(bench, launchPath), 2);
  assert.deepEqual(bench.asked, []);
});

test("a slow terminate is waited for, and the file system after it", async (t) => {
  const bench = await openBench(t, { terminateSeconds: 600 });
  const storage = await createStorage(bench);
  const instance = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
  await Promise.all([instanceKind(bench.edges).delete(instance.id, instance.outs, bench.context), waitingDelete(bench, storage)]);
  assert.deepEqual((await bench.sandbox.meter()).billing, []);
});

const waitingDelete = ({ edges, context }: Bench, { filesystem }: Storage): Promise<void> => filesystemKind(edges).delete(filesystem.filesystemId, filesystem, context);

test("a 404 by mistake neither ends a boot nor marks a standing instance as missing", async (t) => {
  const bench = await openBench(t, { notFoundOnce: 1 });
  const storage = await createStorage(bench);
  const kind = instanceKind(bench.edges);
  const { id, outs } = await kind.create(instanceInputsOf(bench.binding, storage), bench.context);
  await bench.sandbox.knobs({ notFoundOnce: 1 });
  assert.equal((await kind.read?.(id, outs, bench.context))?.missing, false);
  assert.deepEqual(await billing(bench), [id]);
});

test("an instance terminated behind our back is seen as missing and deleted without asking", async (t) => {
  const bench = await openBench(t, { afterTerminated: { listedSeconds: 3600 } });
  const storage = await createStorage(bench);
  const kind = instanceKind(bench.edges);
  const { id, outs } = await kind.create(instanceInputsOf(bench.binding, storage), bench.context);
  await bench.sandbox.ok("POST", "/instance-operations/terminate", { instance_ids: [id] });
  await bench.sandbox.until(id, "terminated");
  const seen = await kind.read?.(id, outs, bench.context);
  assert.equal(seen?.missing, true);
  await kind.delete(id, seen, bench.context);
  assert.deepEqual(bench.asked, []);
});

test("the API's bad days (5xx, HTML, rate limits, unknown statuses and fields) do not stop a create", async (t) => {
  const bench = await openBench(t, { extraFields: true, unknownStatus: "alert" });
  const storage = await createStorage(bench);
  await bench.sandbox.knobs({ html403: 1, fail5xx: [{ method: "GET", count: 6, status: 503 }] });
  const { id } = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
  assert.deepEqual(await billing(bench), [id]);
});

test("a person whose key is in access.authorizedKeys gets in: the way back when the run's own key is on another machine", async (t) => {
  const bench = await openBench(t);
  const storage = await createStorage(bench);
  const person = await makeKey(t);
  const instance = await instanceKind(bench.edges).create({ ...instanceInputsOf(bench.binding, storage), authorizedKeys: [person.publicKey] }, bench.context);
  assert.ok(instance.outs.ip);
  const own = { file: join(bench.run.paths.ssh, storage.key.name), publicKey: storage.key.publicKey };
  for (const key of [own, person]) assert.equal(await ssh(bench.sandbox, key, instance.outs.ip, "whoami"), "ubuntu");
  await assert.rejects(ssh(bench.sandbox, await makeKey(t), instance.outs.ip, "whoami"));
});

test("the key of a standing instance stays at the vendor and on this machine; while the instance goes, its deletion waits", async (t) => {
  const bench = await openBench(t, { terminateSeconds: 120 });
  const storage = await createStorage(bench);
  const instance = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
  const deleteKey = (): Promise<void> => sshKeyKind(bench.edges).delete(storage.key.keyId, storage.key, bench.context);
  await assert.rejects(deleteKey(), { code: "lambda-key-in-use" });
  assert.ok(instance.outs.ip);
  const key = { file: join(bench.run.paths.ssh, storage.key.name), publicKey: storage.key.publicKey };
  assert.equal(await ssh(bench.sandbox, key, instance.outs.ip, "whoami"), "ubuntu");
  // Ended behind the back of everybody: the vendor answers "in use" until it is gone.
  await bench.sandbox.terminate(instance.id);
  await deleteKey();
  const refusals = (await bench.sandbox.requests()).filter(({ method, path, status }) => method === "DELETE" && path.includes("/ssh-keys/") && status === 400);
  assert.ok(refusals.length > 0, "it was in use at first");
  assert.deepEqual(await bench.sandbox.ok("GET", "/ssh-keys"), []);
  assert.ok(existsSync(key.file), "the ledger still has the instance: nobody has looked for it yet");
  await instanceKind(bench.edges).delete(instance.id, instance.outs, bench.context);
  assert.equal(removePrivateKeys(bench.run), true);
  assert.ok(!existsSync(key.file));
});

test("storage is empty only before anything was written and while nothing can write to it", async (t) => {
  const bench = await openBench(t);
  const storage = await createStorage(bench);
  const { filesystemId, mountPoint } = storage.filesystem;
  const ask = (id = filesystemId): ReturnType<typeof storageIsEmpty> => storageIsEmpty(endpoint, bench.project, id);
  assert.equal(await ask(), "yes");
  assert.equal(await ask("0".repeat(32)), "unknown");
  const instance = await instanceKind(bench.edges).create(instanceInputsOf(bench.binding, storage), bench.context);
  assert.equal(await ask(), "unknown");
  assert.ok(instance.outs.ip);
  await ssh(bench.sandbox, { file: join(bench.run.paths.ssh, storage.key.name), publicKey: storage.key.publicKey }, instance.outs.ip, `echo precious > ${mountPoint}/weights`);
  assert.equal(await ask(), "no");
  await instanceKind(bench.edges).delete(instance.id, instance.outs, bench.context);
  assert.equal(await ask(), "no");
  assert.equal(await storageIsEmpty({ platform: "lambda", api: "http://127.0.0.1:9", keyFile: join(bench.project, "no-key") }, bench.project, filesystemId), "unknown");
});
