/** The file system: the one thing that holds the artifacts. Never a second one, never in a dead region, never deleted unasked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../../custody/userError";
import { HttpFailure } from "../../../providers/http";
import type { LambdaClient } from "../../../providers/lambda/api/client";
import { isEmpty } from "../../../providers/lambda/filesystem/empty";
import { filesystemKind } from "../../../providers/lambda/kinds/filesystem";
import type { Bench } from "./doubles/bench";
import { apiKey, bench, endpointRef } from "./doubles/bench";
import { refuse } from "./doubles/fakeLambda";

const deletions = ({ fake }: Bench): number => fake.requests.filter(({ method }) => method === "DELETE").length;

test("it is made where an instance that fits can be launched now, and its mount point is read, not derived", async (t) => {
  const made = bench(t);
  made.fake.capacity["gpu_1x_a100"] = ["us-west-1"];
  const { outs } = await filesystemKind(made.edges).create(made.filesystemInputs, made.context);
  assert.equal(outs.filesystemRegion, "us-west-1");
  assert.equal(outs.region, null, "the input stays as it was");
  assert.equal(outs.mountPoint, `/lambda/nfs/${outs.filesystemName}`);
  assert.match(outs.filesystemName, /^digits-[0-9a-f]{8}$/);
  assert.deepEqual(made.kinds().slice(1), ["intent.opened", "resource.created", "intent.confirmed"]);
});

test("with no capacity anywhere it waits for the first region that lists some, within the limit", async (t) => {
  const made = bench(t);
  made.fake.capacity["gpu_1x_a100"] = [];
  await assert.rejects(filesystemKind(made.edges).create(made.filesystemInputs, made.context), (error) => error instanceof UserError && error.code === "lambda-capacity" && error.next[0]?.includes("storage.region") === true);
  assert.deepEqual(made.fake.filesystems, []);
  const sleep = made.clock.sleep.bind(made.clock);
  made.clock.sleep = (milliseconds) => {
    made.fake.capacity["gpu_1x_a100"] = ["us-east-1"];
    return sleep(milliseconds);
  };
  assert.equal((await filesystemKind(made.edges).create(made.filesystemInputs, made.context)).outs.filesystemRegion, "us-east-1");
});

test("a given region, or candidates that all name one, need no look at capacity", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  assert.equal((await kind.create({ ...made.filesystemInputs, region: "us-east-3" }, made.context)).outs.filesystemRegion, "us-east-3");
  assert.ok(!made.fake.requests.some(({ path }) => path === "/instance-types"));
  const other = bench(t);
  const pinned = { ...other.filesystemInputs, candidates: [{ type: "gpu_1x_a10", region: "us-south-1" }] };
  assert.equal((await filesystemKind(other.edges).create(pinned, other.context)).outs.filesystemRegion, "us-south-1");
});

test("a lost reply leaves one file system", async (t) => {
  const made = bench(t);
  made.fake.faults.push({ match: "POST /filesystems", commit: true, answer: new HttpFailure("timeout", true, "late") });
  const { id } = await filesystemKind(made.edges).create(made.filesystemInputs, made.context);
  assert.deepEqual(made.fake.filesystems.map((filesystem) => filesystem.id), [id]);
});

test("a file system that state lost is taken over with what is on it", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id } = await kind.create(made.filesystemInputs, made.context);
  assert.equal((await kind.create(made.filesystemInputs, made.context)).id, id);
  assert.equal(made.fake.filesystems.length, 1);
  await assert.rejects(kind.create({ ...made.filesystemInputs, region: "us-west-3" }, made.context), { code: "lambda-filesystem-elsewhere" });
});

test("somebody else's is used by name, is not this run's, costs it nothing, and is never deleted", async (t) => {
  const made = bench(t);
  made.fake.filesystems.push({ id: "a".repeat(32), name: "datasets", region: "us-east-1", bytes: 10 * 1024 ** 3 });
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create({ ...made.filesystemInputs, mode: "existing", name: "datasets" }, made.context);
  assert.equal(id, "a".repeat(32));
  assert.equal(outs.owned, false);
  assert.equal(made.run.view().resources.get("filesystem")?.monthlyUsd, 0);
  await kind.delete(id, outs, made.context);
  assert.equal(deletions(made), 0);
  assert.deepEqual(made.asked, []);
  assert.equal(made.fake.filesystems.length, 1);
  const [leftover] = made.run.view().leftovers;
  assert.deepEqual([leftover?.owned, leftover?.monthlyUsd], [false, 2]);
  assert.match(leftover?.remove ?? "", /not this run's/);
  assert.doesNotMatch(leftover?.remove ?? "", /curl|DELETE/, "nobody is told to delete what is another's");
  assert.deepEqual(made.run.view().live.map(({ id }) => id), ["a".repeat(32)], "neither deleted nor lost: it stands");
});

test("one that was handed over by its id is the run's own: kept unless told otherwise, and then deleted only when that is allowed", async (t) => {
  const made = bench(t);
  made.fake.filesystems.push({ id: "a".repeat(32), name: "datasets", region: "us-east-1", bytes: 10 * 1024 ** 3 });
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create({ ...made.filesystemInputs, mode: "adopt", name: "a".repeat(32) }, made.context);
  assert.equal(outs.owned, true);
  assert.deepEqual([made.run.view().resources.get("filesystem")?.monthlyUsd, made.run.view().resources.get("filesystem")?.details?.["made"]], [2, false]);
  await kind.delete(id, { ...outs, keep: true }, made.context);
  assert.equal(deletions(made), 0);
  made.allow = false;
  await assert.rejects(kind.delete(id, outs, made.context), { code: "no-receipt" });
  assert.equal(deletions(made), 0);
  made.allow = true;
  await kind.delete(id, outs, made.context);
  assert.deepEqual([deletions(made), made.asked.length, made.fake.filesystems.length], [1, 2, 0]);
});

test("with lost state and another account's key no second file system is made, and the first does not count as lost", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id } = await kind.create(made.filesystemInputs, made.context);
  const first = made.fake.filesystems.splice(0);
  made.apiKey = "secret_other_account";
  await assert.rejects(kind.create(made.filesystemInputs, made.context), { code: "lambda-other-account" });
  assert.equal(made.fake.filesystems.length, 0);
  assert.deepEqual(made.run.view().live.map((resource) => resource.id), [id]);
  made.apiKey = apiKey;
  made.fake.filesystems.push(...first);
  assert.equal((await kind.create(made.filesystemInputs, made.context)).id, id);
});

test("a name that does not exist, or that two have, is answered with the list of what there is", async (t) => {
  const made = bench(t);
  for (const region of ["us-east-1", "us-west-1"]) made.fake.filesystems.push({ id: region.padEnd(32, "0"), name: "datasets", region, bytes: null });
  const kind = filesystemKind(made.edges);
  await assert.rejects(kind.create({ ...made.filesystemInputs, mode: "existing", name: "models" }, made.context), (error) => error instanceof UserError && error.message.includes("datasets"));
  await assert.rejects(kind.create({ ...made.filesystemInputs, mode: "existing", name: "datasets" }, made.context), /Several/);
  const { outs } = await kind.create({ ...made.filesystemInputs, mode: "existing", name: "datasets", region: "us-west-1" }, made.context);
  assert.equal(outs.filesystemRegion, "us-west-1");
});

test("one that is kept stays, with its price and the command that removes it later, and nobody is asked", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create({ ...made.filesystemInputs, keep: true }, made.context);
  const [filesystem] = made.fake.filesystems;
  assert.ok(filesystem);
  filesystem.bytes = 50 * 1024 ** 3;
  await kind.delete(id, outs, made.context);
  assert.equal(deletions(made), 0);
  assert.deepEqual(made.asked, []);
  const [leftover] = made.run.view().leftovers;
  assert.equal(leftover?.monthlyUsd, 10);
  assert.ok(leftover.remove.includes(`/filesystems/${id}`) && leftover.remove.includes("$LAMBDA_API_KEY"));
  assert.match(leftover.remove, /^holdfast audit .*then: printf/, "a look comes before the command that cannot be undone");
});

test("a refused deletion deletes nothing", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create(made.filesystemInputs, made.context);
  made.allow = false;
  await assert.rejects(kind.delete(id, outs, made.context), { code: "no-receipt" });
  assert.equal(deletions(made), 0);
  assert.deepEqual(made.asked, [{ role: "filesystem", id, verb: "delete", tiersLost: ["filesystem"] }]);
});

test("a deletion waits for a terminating instance to let go of it", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create(made.filesystemInputs, made.context);
  made.fake.terminateSeconds = 120;
  made.fake.instances.push({ id: "i", name: "n", status: "terminating", ip: null, type: "gpu_1x_a10", region: "us-east-1", sshKey: "k", filesystem: id, tags: [], launchedAt: 0, terminatedAt: made.clock.now().getTime() });
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.filesystems, []);
  assert.equal(made.kinds().at(-1), "resource.deleted");
});

test("a deletion that an instance blocks for good ends with that instance's name", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create(made.filesystemInputs, made.context);
  made.fake.instances.push({ id: "i", name: "somebody-elses", status: "active", ip: null, type: "gpu_1x_a10", region: "us-east-1", sshKey: "k", filesystem: id, tags: [], launchedAt: 0, terminatedAt: null });
  await assert.rejects(kind.delete(id, outs, made.context), (error) => error instanceof UserError && error.message.includes("somebody-elses (active)"));
  assert.equal(made.fake.filesystems.length, 1);
});

test("one look that misses it does not count as gone; two do, and nobody is asked for what is not there", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create(made.filesystemInputs, made.context);
  made.fake.faults.push({ match: "GET /file-systems", answer: { status: 200, body: '{"data":[]}' } });
  assert.equal((await kind.read?.(id, outs, made.context))?.missing, false);
  made.fake.filesystems.splice(0);
  const seen = await kind.read?.(id, outs, made.context);
  assert.equal(seen?.missing, true);
  assert.deepEqual(kind.diff(seen, made.filesystemInputs).replaces, ["missing"]);
  made.allow = false;
  await kind.delete(id, outs, made.context);
  assert.equal(made.kinds().at(-1), "resource.lost");
});

test("an unclear answer to the deletion is looked into and asked again", async (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const { id, outs } = await kind.create(made.filesystemInputs, made.context);
  made.fake.faults.push({ match: "DELETE", answer: { status: 500, body: refuse(500, "global/internal-error").body } });
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.filesystems, []);
});

test("a name or region that changes replaces it; how the run ends, or other candidates, are no change of it", (t) => {
  const made = bench(t);
  const kind = filesystemKind(made.edges);
  const outs = { ...made.filesystemInputs, filesystemId: "f", filesystemName: "digits-1", filesystemRegion: "us-east-1", mountPoint: "/m", owned: true, account: "a", missing: false };
  assert.deepEqual(kind.diff(outs, { ...made.filesystemInputs, keep: true, verb: "keep", tiersLost: [] }), { changes: false, replaces: [] });
  assert.deepEqual(kind.diff(outs, { ...made.filesystemInputs, region: "us-east-1" }), { changes: true, replaces: [] });
  assert.deepEqual(kind.diff(outs, { ...made.filesystemInputs, region: "us-west-1" }).replaces, ["region"]);
  assert.deepEqual(kind.diff(outs, { ...made.filesystemInputs, name: "letters" }).replaces, ["name"]);
  assert.deepEqual(kind.diff(outs, { ...made.filesystemInputs, binding: { ...made.filesystemInputs.binding, custodyId: "cst_recovered" } }), { changes: true, replaces: [] });
  assert.deepEqual(kind.diff(outs, made.filesystemInputs), { changes: false, replaces: [] });
});

test("a file system counts as empty only when nothing uses it and nothing is counted on it", async (t) => {
  const made = bench(t);
  const { client } = await made.edges.connect(endpointRef, made.context);
  const { id } = await filesystemKind(made.edges).create(made.filesystemInputs, made.context);
  const [filesystem] = made.fake.filesystems;
  assert.ok(filesystem);
  assert.equal(await isEmpty({ client }, id), "yes");
  filesystem.bytes = null;
  assert.equal(await isEmpty({ client }, id), "yes", "the vendor has not counted yet");
  made.fake.instances.push({ id: "i", name: "n", status: "active", ip: null, type: "gpu_1x_a10", region: "us-east-1", sshKey: "k", filesystem: id, tags: [], launchedAt: 0, terminatedAt: null });
  assert.equal(await isEmpty({ client }, id), "unknown", "what is written now is counted hours later");
  filesystem.bytes = 1;
  assert.equal(await isEmpty({ client }, id), "no");
  assert.equal(await isEmpty({ client }, "0".repeat(32)), "unknown", "another account's, or gone");
  for (let request = 0; request < 9; request++) made.fake.faults.push({ match: "GET /file-systems", answer: { status: 503, body: "busy" } });
  assert.equal(await isEmpty({ client }, id), "unknown");
});

test("a file system that an instance lists is not called empty although the file system says that nothing uses it", async () => {
  const filesystem = { id: "f", name: "data", mount_point: "/lambda/nfs/data", region: { name: "us-east-1" }, is_in_use: false, bytes_used: 0 };
  for (const [instance, expected] of [
    [{ status: "booting", file_system_names: ["data"], file_system_mounts: null }, "unknown"],
    [{ status: "terminating", file_system_names: [], file_system_mounts: [{ mount_point: "/data", file_system_id: "f" }] }, "unknown"],
    [{ status: "terminated", file_system_names: ["data"], file_system_mounts: null }, "yes"],
  ] as const) {
    const client = { listFilesystems: () => Promise.resolve([filesystem]), listInstances: () => Promise.resolve([instance]) } as unknown as LambdaClient;
    assert.equal(await isEmpty({ client }, "f"), expected, instance.status);
  }
});
