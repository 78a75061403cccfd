// Knobs: each makes one thing happen that real clouds do, and only as often as asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Knobs } from "../../sandbox/index.js";
import { eventually, fast, launchBody, mustExist, openSandbox, registerKey, type Sandbox } from "./fixture.js";

const still = { ...fast, timeScale: 1, bootSeconds: { ip: 0, sshLead: 0, active: 36_000 } };
const launch = "/instance-operations/launch";

async function prepared(t: Parameters<typeof openSandbox>[0], knobs: Parameters<typeof openSandbox>[1] = still): Promise<Sandbox> {
  const sandbox = await openSandbox(t, knobs);
  await registerKey(t, sandbox);
  return sandbox;
}

test("a launch whose reply is lost has still rented one instance", async (t) => {
  const sandbox = await prepared(t, { ...still, loseLaunchReply: 1 });
  await assert.rejects(sandbox.call("POST", launch, { ...launchBody, name: "lost" }), /fetch failed/);
  assert.deepEqual((await sandbox.list("/instances")).map(({ name }) => name), ["lost"]);
  const log = await sandbox.requests();
  assert.equal(log.find(({ path, status }) => path.endsWith(launch) && status === 0)?.method, "POST");

  await sandbox.knobs({ loseLaunchReply: { count: 1, how: "502" } });
  const answered = await sandbox.call("POST", launch, { ...launchBody, name: "lost too" });
  assert.deepEqual([answered.status, answered.json], [502, undefined]);
  await sandbox.launch({ name: "third" });
  assert.equal((await sandbox.list("/instances")).length, 3);
});

test("a 5xx strikes the requests it was meant for, before or after they took effect", async (t) => {
  const sandbox = await prepared(t);
  await sandbox.knobs({ fail5xx: [{ method: "POST", path: `/api/v1${launch}`, count: 1, status: 503 }, { path: "/api/v1/filesystems", count: 1, afterCommit: true }] });
  assert.equal((await sandbox.call("GET", "/regions")).status, 200);
  assert.equal((await sandbox.call("POST", launch, launchBody)).status, 503);
  assert.deepEqual(await sandbox.list("/instances"), []);
  assert.equal((await sandbox.call("POST", "/filesystems", { name: "data", region: "us-east-1" })).status, 500);
  assert.equal((await sandbox.list("/file-systems")).length, 1);
  await sandbox.launch();
});

test("the proxy's HTML is not JSON, and an unnamed script gets it", async (t) => {
  const sandbox = await prepared(t);
  await sandbox.knobs({ html403: 1 });
  const page = await sandbox.call("GET", "/regions");
  assert.deepEqual([page.status, page.json, page.text.startsWith("<!DOCTYPE html>")], [403, undefined, true]);
  const script = await sandbox.call("GET", "/regions", undefined, { authorization: `Bearer ${sandbox.key}`, "user-agent": "Python-urllib/3.11" });
  assert.equal(script.status, 403);
  assert.match(script.headers.get("content-type") ?? "", /html/);
  assert.equal((await sandbox.call("GET", "/regions")).status, 200);
});

test("capacity appears by schedule, and a listed type can be refused all the same", async (t) => {
  const sandbox = await prepared(t);
  const regions = async (): Promise<string[]> => {
    const types = await sandbox.ok<Record<string, { regions_with_capacity_available: { name: string }[] }>>("GET", "/instance-types");
    return mustExist(types["gpu_8x_v100"]).regions_with_capacity_available.map(({ name }) => name);
  };
  const wanted = { instance_type_name: "gpu_8x_v100", region_name: "us-east-1" };
  assert.deepEqual(await regions(), []);
  await sandbox.knobs({ capacity: { gpu_8x_v100: [{ afterSeconds: 0, regions: [] }, { afterSeconds: 100, regions: ["us-east-1"] }] } });
  assert.deepEqual(await regions(), []);
  await sandbox.knobs({ timeScale: 10_000 });
  await eventually("capacity appears", async () => ((await regions()).length > 0 ? true : undefined));
  assert.deepEqual(await regions(), ["us-east-1"]);

  await sandbox.knobs({ timeScale: 1, listedButRefused: 1 });
  assert.equal(await sandbox.refusal("POST", launch, { ...launchBody, ...wanted }), "400 instance-operations/launch/insufficient-capacity");
  await sandbox.launch(wanted);
  await sandbox.knobs({ listedButRefused: ["gpu_8x_v100"] });
  for (let i = 0; i < 2; i++) assert.match(await sandbox.refusal("POST", launch, { ...launchBody, ...wanted }), /insufficient-capacity/);
  await sandbox.knobs({ listedButRefused: 0, capacity: { gpu_8x_v100: [] }, grantUnlisted: ["gpu_8x_v100"] });
  assert.deepEqual(await regions(), []);
  await sandbox.launch(wanted);
});

test("a read that misses once, a list that lags, an unknown status and unknown fields", async (t) => {
  const sandbox = await prepared(t, { ...still, listLagSeconds: 36_000 });
  const id = await sandbox.launch();
  assert.deepEqual(await sandbox.list("/instances"), []);
  await sandbox.knobs({ notFoundOnce: 1 });
  assert.equal(await sandbox.refusal("GET", `/instances/${id}`), "404 global/object-does-not-exist");
  assert.equal((await sandbox.ok("GET", `/instances/${id}`)).id, id);
  await sandbox.knobs({ unknownStatus: "provisioning", extraFields: true });
  const response = await fetch(`${sandbox.descriptor.url}/instances/${id}`, { headers: { authorization: `Bearer ${sandbox.key}` } });
  const { data } = (await response.json()) as { data: Record<string, unknown> };
  assert.equal(data["status"], "provisioning");
  assert.deepEqual([data["first_healthy"], data["is_reserved"], typeof data["sandbox_unknown_field"]], [null, false, "object"]);
});

test("a boot that ends unhealthy, falls ill later or is preempted is shown as such", async (t) => {
  const sandbox = await prepared(t, { ...fast, unhealthyOnBoot: 1 });
  const ill = await sandbox.until(await sandbox.launch(), "unhealthy");
  assert.equal(ill.jupyter_token, undefined);
  await sandbox.knobs({ unhealthyAfterSeconds: 60, preemptAfterSeconds: 120 });
  const id = await sandbox.launch();
  await sandbox.until(id, "active");
  await sandbox.until(id, "unhealthy");
  await sandbox.until(id, "preempted");
  const meter = await sandbox.meter();
  assert.deepEqual(meter.billing.map((one) => one.id), [ill.id], "an unhealthy instance bills on, a preempted one does not");
});

test("a slow boot takes as long as it was told, the one after it does not", async (t) => {
  const sandbox = await prepared(t, { ...fast, bootOutlier: { count: 1, activeSeconds: 100_000 } });
  const slow = await sandbox.launch();
  const quick = await sandbox.launch();
  await sandbox.until(quick, "active");
  assert.equal((await sandbox.ok("GET", `/instances/${slow}`)).status, "booting");
});

test("a terminated instance can stay listed for a while before it is forgotten", async (t) => {
  const sandbox = await prepared(t, { ...still, timeScale: 1000, terminateSeconds: 1, afterTerminated: { listedSeconds: 300 } });
  const id = await sandbox.launch();
  await sandbox.terminate(id);
  await sandbox.until(id, "terminated");
  await sandbox.until(id, "404");
  assert.deepEqual(await sandbox.list("/instances"), []);
});

test("wrong knobs are refused together and change nothing", async (t) => {
  const sandbox = await openSandbox(t, still);
  const response = await fetch(`${sandbox.descriptor.adminUrl}/knobs`, {
    method: "PATCH",
    headers: { "x-sandbox-token": sandbox.key, "content-type": "application/json" },
    body: JSON.stringify({ timeScale: "fast", bootTime: 3, html403: 5 }),
  });
  const { message } = (await response.json()) as { message: string };
  assert.equal(response.status, 400);
  assert.match(message, /timeScale/);
  assert.match(message, /bootTime/);
  assert.equal((await sandbox.admin<Knobs>("GET", "/knobs")).html403, 0);
});

test("the side door stays shut without the token", async (t) => {
  const sandbox = await openSandbox(t, still);
  for (const path of ["/knobs", "/meter", "/requests", "/instances"]) assert.equal((await fetch(`${sandbox.descriptor.adminUrl}${path}`)).status, 401, path);
});

test("secrets of requests are not in the log", async (t) => {
  const sandbox = await prepared(t);
  await sandbox.ok("POST", "/ssh-keys", { name: "generated" });
  await sandbox.launch({ user_data: "token: very-secret" });
  const log = JSON.stringify(await sandbox.requests());
  assert.ok(log.includes("[redacted]") && log.includes("generated"));
  for (const secret of ["very-secret", "PRIVATE KEY", sandbox.key, "Bearer"]) assert.ok(!log.includes(secret), secret);
});
