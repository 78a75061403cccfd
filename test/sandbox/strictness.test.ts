// The emulator checklist: where real Lambda refuses, so does the sandbox, or a client that works here would fail there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { first, launchBody, makeKey, openSandbox, registerKey, type Shown } from "./fixture.js";

const still = { timeScale: 1, rateLimit: { enabled: false }, bootSeconds: { ip: 36_000, sshLead: 0, active: 72_000 }, terminateSeconds: 36_000 };
const unknownId = "0123456789abcdef0123456789abcdef";
const launch = "/instance-operations/launch";

test("a key that real Lambda accepts or refuses is accepted or refused here", async (t) => {
  const sandbox = await openSandbox(t, still);
  const { key } = sandbox;
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  for (const authorization of [`Bearer ${key}`, basic(`${key}:`), `Basic ${key}`]) {
    assert.equal((await sandbox.call("GET", "/regions", undefined, { authorization })).status, 200, authorization.slice(0, 10));
  }
  const without = await sandbox.call("GET", "/regions", undefined, {});
  const wrong = await sandbox.call("GET", "/regions", undefined, { authorization: "Bearer secret_wrong" });
  const other = await sandbox.call("GET", "/regions", undefined, { authorization: `Digest ${key}` });
  assert.deepEqual([without, wrong, other].map(({ status, json }) => [status, json?.error?.code, json?.error?.message]), [
    [401, "global/invalid-api-key", "No API key was provided."],
    [401, "global/invalid-api-key", "API key was invalid, expired, or deleted."],
    [401, "global/invalid-api-key", "API key was invalid, expired, or deleted."],
  ]);
  assert.equal((await sandbox.call("POST", launch, "{not json", {})).status, 401, "the key is judged before the body");
});

test("the first of several faults is named in Lambda's order, so a client that branches on codes meets the same ones", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const west = await sandbox.ok("POST", "/filesystems", { name: "west", region: "us-west-1" });
  const everythingWrong = {
    ...{ region_name: "nowhere", instance_type_name: "none", ssh_key_names: [], image: { family: "none" } },
    ...{ file_system_names: ["none"], firewall_rulesets: [{ id: unknownId }] },
  };
  await sandbox.knobs({ quota: { instances: 0 }, listedButRefused: 100 });
  const repairs: [object, string][] = [
    [{}, "ssh_key_names"],
    [{ ssh_key_names: ["none"] }, "Instance type 'none'"],
    [{ instance_type_name: "cpu_4x_general" }, "Region 'nowhere'"],
    [{ region_name: "us-east-1" }, "SSH key with name 'none'"],
    [{ ssh_key_names: ["key"] }, "Image"],
    [{ image: { family: "lambda-stack-24-04" } }, "Filesystem with name 'none' does not exist in region 'us-east-1', or you do not have permission to access it."],
    [{ file_system_names: ["west"] }, "Filesystem with name 'west' does not exist in region 'us-east-1'"],
    [{ file_system_names: [], file_system_mounts: [{ mount_point: "/data", file_system_id: west.id }] }, "is not in region"],
    [{ file_system_mounts: [] }, "Firewall ruleset"],
    [{ firewall_rulesets: [] }, "Quota exceeded."],
  ];
  let body: object = everythingWrong;
  for (const [repair, expected] of repairs) {
    body = { ...body, ...repair };
    const { text } = await sandbox.call("POST", launch, body);
    assert.ok(text.includes(expected), `${expected} <- ${text}`);
  }
  await sandbox.knobs({ quota: null });
  assert.equal(await sandbox.refusal("POST", launch, body), "400 instance-operations/launch/insufficient-capacity");
  await sandbox.knobs({ listedButRefused: null });
  assert.match(await sandbox.launch(body), /^[0-9a-f]{32}$/);
});

test("a launch body that Lambda forbids rents nothing", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const fileSystem = await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const mount = (mount_point: string): object => ({ file_system_mounts: [{ mount_point, file_system_id: fileSystem.id }] });
  const forbidden: object[] = [
    ...[{ ssh_key_names: [] }, { ssh_key_names: ["key", "key"] }, { ssh_key_names: "key" }, { quantity: 2 }, { quantity: 0 }],
    ...[{ name: "x".repeat(65) }, { hostname: "Upper" }, { hostname: "" }, { hostname: "x".repeat(64) }, { user_data: "x".repeat(1_000_001) }, { image: {} }],
    ...[mount("/mnt/x"), mount("/data/under_score"), mount("/data/dot.dot"), mount(`/data/${"x".repeat(256)}`)],
    ...[{ tags: [{ key: "x", value: "" }] }, { tags: [{ key: "Upper", value: "" }] }, { tags: [{ key: "lambda-ai-x", value: "" }] }, { tags: [{ key: "ok" }] }],
    { tags: [{ key: "ok", value: "x".repeat(129) }] },
    { file_system_mounts: [{ mount_point: "/data", file_system_id: "not-an-id" }] },
    { firewall_rulesets: [{ id: "not-an-id" }] },
  ];
  for (const change of forbidden) assert.equal(await sandbox.refusal("POST", launch, { ...launchBody, ...change }), "400 global/invalid-parameters", JSON.stringify(change).slice(0, 80));
  assert.match((await sandbox.call("POST", launch, { ...launchBody, quantity: 2 })).text, /Requested too many instances\./);
  assert.match((await sandbox.call("POST", launch, "{")).text, /invalid-parameters/);
  assert.deepEqual(await sandbox.list("/instances"), []);
  for (const change of [{ quantity: 1 }, { name: "" }, { unknown_field: 1 }, { user_data: "x".repeat(1_000_000) }, mount("/home/ubuntu/data")]) await sandbox.launch(change);
});

test("ids are 32 hex digits, a malformed one is a bad request and not a missing thing", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const id = await sandbox.launch();
  assert.match(id, /^[0-9a-f]{32}$/);
  const { text } = await sandbox.call("GET", "/instances/zz");
  assert.match(text, /Error in request path at 'id': Input should be a valid UUID, invalid length: expected length 32 for simple format, found 2/);
  const hyphenated = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  assert.equal((await sandbox.ok("GET", `/instances/${hyphenated}`)).id, id);
  for (const image of await sandbox.list("/images")) assert.match(image.id, /^[0-9a-f]{8}-/);
});

test("a just launched instance shows no address and no null, so a client cannot mistake it for a reachable one", async (t) => {
  const sandbox = await openSandbox(t, { ...still, terminateUnavailableSeconds: 36_000 });
  await registerKey(t, sandbox);
  const instance = await sandbox.ok("GET", `/instances/${await sandbox.launch()}`);
  assert.deepEqual(Object.keys(instance).sort(), ["actions", "file_system_names", "id", "instance_type", "region", "ssh_key_names", "status"]);
  assert.equal(instance.status, "booting");
  for (const action of Object.values(instance.actions)) {
    assert.deepEqual([action.available, action.reason_code], [false, "vm-has-not-launched"]);
  }
});

test("one unknown id among several terminates and restarts nothing", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const id = await sandbox.launch();
  for (const verb of ["terminate", "restart"]) {
    assert.equal(await sandbox.refusal("POST", `/instance-operations/${verb}`, { instance_ids: [id, unknownId] }), "404 global/object-does-not-exist");
  }
  assert.equal((await sandbox.ok("GET", `/instances/${id}`)).status, "booting");
  const terminated = first(await sandbox.terminate(id));
  assert.deepEqual([terminated.status, terminated.actions.restart.reason_code], ["terminating", "vm-is-terminating"]);
  assert.equal(first(await sandbox.terminate(id)).status, "terminating", "asking twice is harmless");
});

test("a file system stays undeletable while its last instance is still terminating", async (t) => {
  const sandbox = await openSandbox(t, { ...still, terminateSeconds: 100 });
  await registerKey(t, sandbox);
  const { id, mount_point } = await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  assert.equal(mount_point, "/lambda/nfs/data");
  const instance = await sandbox.launch({ file_system_names: ["data"] });
  const inUse = async (): Promise<boolean> => first(await sandbox.list("/file-systems")).is_in_use;
  assert.equal(await inUse(), true);
  await sandbox.terminate(instance);
  assert.equal(await sandbox.refusal("DELETE", `/filesystems/${id}`), "400 filesystems/filesystem-in-use");
  await sandbox.knobs({ timeScale: 2000 });
  await sandbox.until(instance, "404");
  assert.equal(await inUse(), false);
  await sandbox.ok("DELETE", `/filesystems/${id}`);
});

test("a mount point given by id wins over the default of a file system that is also named", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const { id } = await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const instance = await sandbox.launch({ file_system_names: ["data"], file_system_mounts: [{ mount_point: "/data/x", file_system_id: id }] });
  const shown = await sandbox.ok("GET", `/instances/${instance}`);
  assert.deepEqual([shown.file_system_names, shown.file_system_mounts], [["data"], [{ mount_point: "/data/x", file_system_id: id }]]);
});

test("the list of file systems has a hyphen, creating through it is not allowed", async (t) => {
  const sandbox = await openSandbox(t, still);
  const refused = await sandbox.call("POST", "/file-systems", { name: "data", region: "us-east-1" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET"]);
  assert.deepEqual(await sandbox.list("/file-systems"), []);
  assert.deepEqual((await sandbox.call("GET", "/filesystems")).json, { data: [] });
  assert.equal((await sandbox.call("GET", "/clusters")).status, 404);
  assert.equal((await sandbox.call("DELETE", "/instances")).status, 405);
});

test("a key that an instance uses cannot be deleted, a name cannot be taken twice", async (t) => {
  const sandbox = await openSandbox(t, still);
  await registerKey(t, sandbox);
  const registered = first(await sandbox.list("/ssh-keys"));
  const instance = await sandbox.launch();
  assert.match((await sandbox.call("DELETE", `/ssh-keys/${registered.id}`)).text, /Key is currently in use, cannot delete/);
  assert.equal(await sandbox.refusal("POST", "/ssh-keys", { name: "key", public_key: (await makeKey(t)).publicKey }), "400 global/invalid-parameters");
  await sandbox.terminate(instance);
  await sandbox.knobs({ timeScale: 100_000 });
  await sandbox.until(instance, "404");
  await sandbox.ok("DELETE", `/ssh-keys/${registered.id}`);
});

test("more than one request per second, or one launch per twelve, is refused in the vendor's time", async (t) => {
  const sandbox = await openSandbox(t, { ...still, rateLimit: { enabled: true, jitterRealMilliseconds: 0, retryAfter: true } });
  const statuses = async (count: number, ask: () => Promise<{ status: number }>): Promise<number[]> => {
    const seen: number[] = [];
    for (let i = 0; i < count; i++) seen.push((await ask()).status);
    return seen;
  };
  const list = (): Promise<{ status: number }> => sandbox.call("GET", "/regions");
  assert.deepEqual(await statuses(3, list), [200, 429, 429]);
  const refused = await sandbox.call("GET", "/regions");
  assert.deepEqual([refused.json?.error?.code, refused.headers.get("retry-after")], ["global/too-many-requests", "1"]);
  await sandbox.knobs({ rateLimit: { body: "text", retryAfter: false } });
  const text = await sandbox.call("GET", "/regions");
  assert.deepEqual([text.status, text.text, text.json, text.headers.get("retry-after")], [429, "Too Many Requests\n", undefined, null]);

  // A second is 20 ms now and twelve are 240: the second call meets the launch limit, and no longer the general one.
  await sandbox.knobs({ timeScale: 50, rateLimit: null });
  await sandbox.knobs({ rateLimit: { jitterRealMilliseconds: 0 } });
  await waitRealMilliseconds(300);
  const body = { ...launchBody, ssh_key_names: [] };
  assert.equal((await sandbox.call("POST", launch, body)).status, 400);
  await waitRealMilliseconds(25);
  assert.equal((await sandbox.call("POST", launch, body)).status, 429);
  await waitRealMilliseconds(300);
  assert.equal((await sandbox.call("POST", launch, body)).status, 400);
  const wrongKeys = await Promise.all([1, 2].map(() => sandbox.call("GET", "/regions", undefined, { authorization: "Bearer other" })));
  assert.deepEqual(wrongKeys.map(({ status }) => status), [401, 401], "a wrong key is refused as such, however often");
});

test("rules that Lambda would refuse are refused, and a bare address means itself only", async (t) => {
  const sandbox = await openSandbox(t, still);
  const good = { protocol: "tcp", port_range: [22, 22], source_network: "192.0.2.7", description: "" };
  const put = (change: object): Promise<string> => sandbox.refusal("PUT", "/firewall-rules", { data: [{ ...good, ...change }] });
  for (const change of [{ port_range: undefined }, { port_range: [0, 22] }, { port_range: [23, 22] }, { port_range: [22] }, { protocol: "gre" }, { source_network: "2001:db8::/32" }, { description: "x".repeat(129) }]) {
    assert.equal(await put(change), "400 global/invalid-parameters", JSON.stringify(change));
  }
  assert.equal(first(await sandbox.ok<Shown[]>("PUT", "/firewall-rules", { data: [good] })).source_network, "192.0.2.7/32");
  assert.equal((await sandbox.ok("GET", "/firewall-rulesets/global")).rules.length, 1);
});

async function waitRealMilliseconds(duration: number): Promise<void> {
  const end = performance.now() + duration;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
}
