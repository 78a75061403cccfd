/** The instance: nothing launched twice, nothing called gone that is not, nothing terminated unasked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { UserError } from "../../../custody/userError";
import { PartialCreate } from "../../../providers/kind";
import { HttpFailure } from "../../../providers/http";
import { isLambdaError } from "../../../providers/lambda/api/errors";
import type { InstanceOutputs } from "../../../providers/lambda/kinds/instance";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import { sshKeyKind } from "../../../providers/lambda/kinds/sshKey";
import type { Bench } from "./doubles/bench";
import { apiKey, bench } from "./doubles/bench";
import { refuse } from "./doubles/fakeLambda";

const reset = (): HttpFailure => new HttpFailure("connection", true, "POST /instance-operations/launch: the connection broke");
const launchPath = "POST /instance-operations/launch";

async function launched(t: TestContext, change: (made: Bench) => void = () => undefined): Promise<{ made: Bench; kind: ReturnType<typeof instanceKind>; id: string; outs: InstanceOutputs }> {
  const made = bench(t);
  change(made);
  const kind = instanceKind(made.edges);
  const { id, outs } = await kind.create(made.instanceInputs, made.context);
  return { made, kind, id, outs };
}

test("an ordinary create is one launch call, recorded before and after, with the address in the ledger", async (t) => {
  const { made, id, outs } = await launched(t);
  assert.equal(made.fake.launches, 1);
  assert.deepEqual(made.kinds(), ["run.declared", "intent.opened", "resource.created", "intent.confirmed", "address.changed"]);
  assert.equal(outs.instanceId, id);
  assert.equal(outs.status, "active");
  assert.equal(outs.ip, "192.0.2.7");
  assert.equal(outs.hourlyUsd, 1.29);
  assert.match(outs.launchName, /^digits-[0-9a-f]{8}$/);
  assert.equal(made.fake.instances[0]?.tags.find((tag) => tag.key === "holdfast-launch")?.value, outs.launchName);
  for (const [name, value] of Object.entries(made.instanceInputs)) assert.deepEqual(outs[name as keyof InstanceOutputs], value, `${name} is echoed verbatim`);
  assert.deepEqual(JSON.parse(JSON.stringify(outs)), outs, "outputs are plain JSON");
});

test("what reaches state, ledger and terminal holds neither the API key nor a Jupyter login", async (t) => {
  const { made, outs } = await launched(t);
  const everything = JSON.stringify([outs, made.run.entries(), made.said]);
  assert.doesNotMatch(everything, /token-that-must-not-be-kept|secret_test/);
});

for (const [what, answer] of [
  ["a broken connection", reset()],
  ["a timeout", new HttpFailure("timeout", true, "no answer within 120 s")],
  ["a 502 page of the proxy", { status: 502, body: "<html>Bad gateway</html>" }],
  ["a 500 of the API", { status: 500, body: refuse(500, "global/unknown").body }],
  ["a garbled answer", { status: 200, body: '{"data": {"instance_ids": [' }],
] as const) {
  test(`a launch whose reply is lost by ${what} leaves one instance, found by its name`, async (t) => {
    const { made, id } = await launched(t, ({ fake }) => fake.faults.push({ match: launchPath, commit: true, answer }));
    assert.equal(made.fake.launches, 1);
    assert.deepEqual(made.fake.billing.map((instance) => instance.id), [id]);
    assert.ok(made.kinds().includes("intent.confirmed"));
  });
}

test("a launch of which nobody knows anything is not repeated: the intent stays open and the next create looks first", async (t) => {
  const made = bench(t);
  const kind = instanceKind(made.edges);
  made.fake.faults.push({ match: launchPath, answer: reset() });
  await assert.rejects(kind.create(made.instanceInputs, made.context), (error) => isLambdaError(error, "ambiguous") && /pulumi up/.test(error.paragraph));
  assert.equal(made.fake.launches, 1);
  assert.equal(made.run.view().openIntents.length, 1);
  const { id } = await kind.create(made.instanceInputs, made.context);
  assert.equal(made.fake.launches, 2, "looked for, not there, then launched anew");
  assert.deepEqual(made.fake.billing.map((instance) => instance.id), [id]);
  assert.equal(made.run.view().openIntents.length, 0);
});

test("an instance of an open intent that shows up late is adopted by the next create", async (t) => {
  const made = bench(t);
  const kind = instanceKind(made.edges);
  made.fake.faults.push({ match: launchPath, commit: true, answer: reset() });
  const hidden: typeof made.fake.instances = [];
  made.fake.onLaunch = () => void hidden.push(...made.fake.instances.splice(0));
  await assert.rejects(kind.create(made.instanceInputs, made.context), (error) => isLambdaError(error, "ambiguous"));
  made.fake.instances.push(...hidden);
  const { id } = await kind.create(made.instanceInputs, made.context);
  assert.equal(made.fake.launches, 1);
  assert.equal(id, hidden[0]?.id);
});

test("an instance that the ledger names and state lost is taken over, not doubled", async (t) => {
  const { made, kind, id } = await launched(t);
  const again = await kind.create(made.instanceInputs, made.context);
  assert.equal(again.id, id);
  assert.equal(made.fake.launches, 1);
});

test("an instance in the ledger that cannot serve stops the create instead of being joined by a second one", async (t) => {
  const { made, kind } = await launched(t);
  await assert.rejects(kind.create({ ...made.instanceInputs, sshKeyName: "key-2" }, made.context), (error) => error instanceof UserError && error.code === "lambda-instance-exists" && error.next.length === 2);
  assert.equal(made.fake.launches, 1);
});

test("nothing is launched for a command that has been killed, and nothing stays open", async (t) => {
  const made = bench(t);
  made.engineAlive = false;
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context), { code: "engine-gone" });
  assert.equal(made.fake.launches, 0);
  assert.deepEqual(made.kinds().slice(-2), ["intent.opened", "intent.abandoned"]);
});

test("a type that is refused although listed gives way to the next candidate", async (t) => {
  const made = bench(t);
  made.fake.refuse.add("gpu_1x_a10");
  const inputs = { ...made.instanceInputs, requirement: { ...made.instanceInputs.requirement, gpu: null }, candidates: ["gpu_1x_a10", "gpu_1x_a100"].map((type) => ({ type, region: null })) };
  const { outs } = await instanceKind(made.edges).create(inputs, made.context);
  assert.equal(outs.instanceType, "gpu_1x_a100");
  assert.equal(made.fake.launches, 2);
});

test("a launch that could not be sent, or came too fast, is tried again within the allowed calls", async (t) => {
  const { made, id } = await launched(t, ({ fake }) =>
    fake.faults.push({ match: launchPath, answer: new HttpFailure("not-connected", false, "no connection") }, { match: launchPath, answer: { status: 429, body: "Too many requests" } }),
  );
  assert.deepEqual(made.fake.billing.map((instance) => instance.id), [id]);
  assert.equal(made.fake.launches, 3);
  assert.equal(made.run.view().openIntents.length, 0);
});

test("launch calls end at maxAttempts, with every refusal in the message and nothing left behind", async (t) => {
  const made = bench(t);
  made.fake.refuse.add("gpu_1x_a10");
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context), (error) => error instanceof UserError && error.code === "lambda-capacity" && error.message.includes("3 launch calls made"));
  assert.equal(made.fake.launches, 3);
  assert.equal(made.run.view().openIntents.length, 0);
});

test("capacity that appears within the wait is taken; without it the wait ends at its limit and says where there is some", async (t) => {
  const made = bench(t);
  made.fake.capacity["gpu_1x_a10"] = ["us-west-1"];
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context), (error) => error instanceof UserError && error.message.includes("gpu_1x_a10 in us-west-1") && error.message.includes("us-east-1"));
  const waited = made.clock.slept.reduce((sum, milliseconds) => sum + milliseconds, 0);
  assert.ok(waited >= 600_000 && waited < 620_000, `waited ${waited} ms`);
  const original = made.clock.sleep.bind(made.clock);
  let sleeps = 0;
  made.clock.sleep = (milliseconds) => {
    if (++sleeps === 5) made.fake.capacity["gpu_1x_a10"] = ["us-east-1"];
    return original(milliseconds);
  };
  const { outs } = await instanceKind(made.edges).create(made.instanceInputs, made.context);
  assert.equal(outs.instanceRegion, "us-east-1");
});

test("a price above the limit is refused at once instead of being waited for", async (t) => {
  const made = bench(t);
  const inputs = { ...made.instanceInputs, capacity: { ...made.instanceInputs.capacity, maxHourlyUsd: 1 } };
  await assert.rejects(instanceKind(made.edges).create({ ...inputs, candidates: [{ type: "gpu_1x_a10", region: null }] }, made.context), (error) => error instanceof UserError && error.code === "lambda-no-candidate" && error.message.includes("$1.29/h"));
  assert.deepEqual(made.clock.slept, []);
});

test("an instance that comes up unhealthy is terminated before any job ran, and another is launched", async (t) => {
  const { made, id } = await launched(t, ({ fake }) => fake.bootsAs.push("unhealthy"));
  assert.equal(made.fake.launches, 2);
  assert.deepEqual(made.fake.billing.map((instance) => instance.id), [id]);
  assert.deepEqual(made.asked, [], "nothing was at stake, so nobody was asked");
  assert.ok(made.kinds().includes("resource.deleted"));
});

test("an instance that carried a job is never discarded at boot, however unhealthy", async (t) => {
  const { made, kind, id } = await launched(t);
  made.run.append("job.started", { instance: id, directory: "/d", cells: ["a"], codeSha256: "0", specSha256: "0", scriptsSha256: "0" });
  const [instance] = made.fake.instances;
  assert.ok(instance);
  instance.status = "unhealthy";
  await assert.rejects(kind.create(made.instanceInputs, made.context), (error) => error instanceof PartialCreate && error.id === id);
  assert.equal(made.fake.billing.length, 1);
});

test("an instance that does not come up in time is in state with all its outputs, and the next update waits for it again", async (t) => {
  const made = bench(t);
  made.fake.bootSeconds = 3000;
  const kind = instanceKind(made.edges);
  let partial: PartialCreate<InstanceOutputs> | null = null;
  await assert.rejects(kind.create(made.instanceInputs, made.context), (error) => {
    partial = error as PartialCreate<InstanceOutputs>;
    return error instanceof PartialCreate && error.cause instanceof UserError && /bills \$1.29\/h/.test(error.cause.message) && error.cause.next.length === 2;
  });
  const { id, outs } = partial as unknown as PartialCreate<InstanceOutputs>;
  assert.deepEqual(JSON.parse(JSON.stringify(outs)), outs);
  assert.equal(outs.status, "booting");
  const after = await kind.update(id, outs, made.instanceInputs, made.context);
  assert.equal(after.status, "active");
  assert.equal(made.fake.launches, 1);
});

test("a definite refusal (quota) abandons the intent and is passed on with what to do", async (t) => {
  const made = bench(t);
  made.fake.faults.push({ match: launchPath, answer: { status: 400, body: refuse(400, "global/quota-exceeded").body } });
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context), (error) => isLambdaError(error, "quota"));
  assert.equal(made.kinds().at(-1), "intent.abandoned");
});

test("one 404 by mistake is not taken for a vanished instance", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.faults.push({ match: `GET /instances/${id}`, answer: { status: 404, body: refuse(404, "global/object-does-not-exist").body } });
  assert.equal((await kind.read?.(id, outs, made.context))?.missing, false);
  assert.ok(!made.kinds().includes("resource.lost"));
});

test("a refresh marks an instance that is really gone, keeps its outputs, and the diff asks for another", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.instances.splice(0);
  const seen = await kind.read?.(id, outs, made.context);
  assert.equal(seen?.missing, true);
  assert.equal(seen.instanceId, id);
  assert.equal(made.kinds().at(-1), "resource.lost");
  assert.deepEqual(kind.diff(seen, made.instanceInputs).replaces, ["missing"]);
});

test("a key of another account does not make a billing instance count as gone", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.apiKey = "secret_other_account";
  made.fake.instances.splice(0);
  await assert.rejects(kind.delete(id, outs, made.context), { code: "lambda-other-account" });
  made.fake.sshKeys.push({ id: "1".repeat(32), name: "key-1", public_key: "ssh-ed25519 AAAA" });
  await kind.delete(id, outs, made.context);
  assert.equal(made.kinds().at(-1), "resource.lost");
});

test("with lost state and another account's key no second instance is bought, and the first does not count as lost", async (t) => {
  const { made, kind, id } = await launched(t);
  const first = made.fake.instances.splice(0);
  made.apiKey = "secret_other_account";
  await assert.rejects(kind.create(made.instanceInputs, made.context), { code: "lambda-other-account" });
  assert.equal(made.fake.launches, 1);
  assert.deepEqual(made.run.view().live.map((resource) => resource.id), [id]);
  made.apiKey = apiKey;
  made.fake.instances.push(...first);
  assert.equal((await kind.create(made.instanceInputs, made.context)).id, id);
});

test("a launch of unknown outcome is not abandoned, and not repeated, with another account's key", async (t) => {
  const made = bench(t);
  const kind = instanceKind(made.edges);
  made.fake.faults.push({ match: launchPath, answer: reset() });
  await assert.rejects(kind.create(made.instanceInputs, made.context), (error) => isLambdaError(error, "ambiguous"));
  made.apiKey = "secret_other_account";
  await assert.rejects(kind.create(made.instanceInputs, made.context), { code: "lambda-other-account" });
  assert.equal(made.fake.launches, 1);
  assert.equal(made.run.view().openIntents.length, 1);
});

test("a key made since in another account does not prove that account to be the one where the instance stands", async (t) => {
  const { made, kind } = await launched(t);
  made.fake.instances.splice(0);
  made.apiKey = "secret_other_account";
  const { binding, endpoint } = made.instanceInputs;
  const key = await sshKeyKind(made.edges).create({ binding, endpoint, role: "sshKey", namePrefix: "holdfast-digits" }, made.context);
  await assert.rejects(kind.create({ ...made.instanceInputs, sshKeyName: key.outs.name }, made.context), { code: "lambda-other-account" });
  assert.equal(made.fake.launches, 1);
});

for (const [how, change] of [
  ["its answer names two", () => undefined],
  ["its answer is lost", (made: Bench) => made.fake.faults.push({ match: launchPath, commit: true, answer: reset() })],
] as const) {
  test(`a second instance from one launch (${how}) stands in the ledger as live, so that the run cannot be closed while it bills`, async (t) => {
    const { made, id } = await launched(t, (bench) => {
      bench.fake.launchMakes = 2;
      change(bench);
    });
    const view = made.run.view();
    assert.deepEqual(view.live.map((resource) => resource.id).sort(), made.fake.billing.map((instance) => instance.id).sort());
    assert.equal(view.live.length, 2);
    assert.equal(view.resources.get("instance")?.id, id, "the one that is used is the newest of its role");
    assert.deepEqual(view.leftovers, []);
    const extra = view.live.find((resource) => resource.id !== id);
    assert.ok(extra && made.said.some((line) => line.includes(extra.id) && line.includes("terminate")));
  });
}

test("when the first of two is broken at boot, the second is used instead of buying a third", async (t) => {
  const { made, id } = await launched(t, ({ fake }) => {
    fake.launchMakes = 2;
    fake.bootsAs.push("unhealthy");
  });
  assert.equal(made.fake.launches, 1);
  assert.deepEqual(made.fake.billing.map((instance) => instance.id), [id]);
  assert.deepEqual(made.run.view().live.map((resource) => resource.id), [id]);
});

test("a delete that is refused terminates nothing", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.allow = false;
  await assert.rejects(kind.delete(id, outs, made.context), { code: "no-receipt" });
  assert.equal(made.fake.instances[0]?.status, "active");
  assert.ok(!made.fake.requests.some(({ path }) => path.endsWith("terminate")));
});

test("a delete returns only when the instance is gone, however slowly it goes, and names what was allowed", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.terminateSeconds = 300;
  await kind.delete(id, outs, made.context);
  assert.equal(made.fake.billing.length, 0);
  assert.deepEqual(made.asked, [{ role: "instance", id, verb: "terminate", tiersLost: ["local"] }]);
  const deleted = made.run.entries().at(-1);
  assert.equal(deleted?.kind, "resource.deleted");
  assert.equal((deleted.data as { grant: string }).grant, "grt_1");
});

test("deleting what is already terminating waits, asks nobody, and is a success", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.allow = false;
  const [instance] = made.fake.instances;
  assert.ok(instance);
  Object.assign(instance, { status: "terminating", terminatedAt: made.clock.now().getTime() });
  await kind.delete(id, outs, made.context);
  assert.equal(made.fake.billing.length, 0);
  assert.equal(made.kinds().at(-1), "resource.lost");
});

test("an unclear answer to terminate is looked into and asked again until the instance is gone", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.faults.push({ match: "POST /instance-operations/terminate", answer: { status: 503, body: "busy" } });
  await kind.delete(id, outs, made.context);
  assert.equal(made.fake.billing.length, 0);
});

test("a delete that never confirms ends with an error, not with a claim", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.terminateSeconds = 1e9;
  await assert.rejects(kind.delete(id, outs, made.context), { code: "lambda-still-there" });
  assert.ok(!made.kinds().includes("resource.deleted"));
});

test("keys that are added for an instance that stands are said to come with the next one, instead of locking a colleague out unheard", async (t) => {
  const { made, kind, outs } = await launched(t);
  const news = { ...made.instanceInputs, authorizedKeys: ["ssh-ed25519 AAAA someone@example.com"] };
  const { note, ...answer } = kind.diff(outs, news);
  assert.deepEqual(answer, { changes: true, replaces: [] });
  assert.match(note ?? "", /put on an instance when it boots: the one that stands accepts the keys of before/);
  assert.equal(kind.diff(outs, made.instanceInputs).note, undefined);
});

test("a new name is a rename in place that keeps the unique part", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  const news = { ...made.instanceInputs, name: "letters" };
  assert.deepEqual(kind.diff(outs, news), { changes: true, replaces: [] });
  const after = await kind.update(id, outs, news, made.context);
  assert.equal(after.instanceName, `letters-${outs.launchName.slice(-8)}`);
  assert.equal(made.fake.instances[0]?.name, after.instanceName);
});

test("only what the API cannot change, or a type that is no longer wanted, replaces an instance", async (t) => {
  const { made, kind, outs } = await launched(t);
  const replaced = (change: Partial<typeof made.instanceInputs>): readonly string[] => kind.diff(outs, { ...made.instanceInputs, ...change }).replaces ?? [];
  assert.deepEqual(replaced({ image: { family: "gpu-base-24-04" } }), ["image"]);
  assert.deepEqual(replaced({ filesystem: { ...made.instanceInputs.filesystem, id: "0".repeat(32) } }), ["filesystem"]);
  assert.deepEqual(replaced({ sshKeyName: "other" }), ["sshKeyName"]);
  assert.deepEqual(replaced({ firewallRulesetIds: ["1"] }), ["firewallRulesetIds"]);
  assert.deepEqual(replaced({ candidates: [{ type: "gpu_1x_a100", region: null }] }), ["candidates"]);
  assert.deepEqual(replaced({ candidates: [{ type: "gpu_1x_a10", region: "us-east-1" }] }), []);
  assert.deepEqual(replaced({ requirement: { ...made.instanceInputs.requirement, memoryGiB: 500 } }), ["requirement"]);
  assert.deepEqual(replaced({ capacity: { ...made.instanceInputs.capacity, maxHourlyUsd: 0.5 } }), [], "a limit for the next launch does not end this one");
  assert.deepEqual(replaced({ tags: { owner: "ml" }, authorizedKeys: ["ssh-ed25519 AAAA a"] }), []);
  assert.deepEqual(kind.diff(outs, made.instanceInputs), { changes: false, replaces: [] });
});

test("faults in the inputs are found before anything is bought, all at once", (t) => {
  const made = bench(t);
  const failures = instanceKind(made.edges).check?.({ ...made.instanceInputs, name: "", tags: { Owner: "x" }, authorizedKeys: ["-----BEGIN"], capacity: { maxWaitSeconds: -1, maxLockSeconds: -1, maxAttempts: 0, maxHourlyUsd: 0 } });
  assert.deepEqual(failures?.map((failure) => failure.property), ["name", "tags.Owner", "capacity.maxAttempts", "capacity.maxWaitSeconds", "capacity.maxLockSeconds", "capacity.maxHourlyUsd", "authorizedKeys[0]"]);
});

test("further keys travel as cloud-init text, since the API takes one key", async (t) => {
  const made = bench(t);
  await instanceKind(made.edges).create({ ...made.instanceInputs, authorizedKeys: ["ssh-ed25519 AAAAC3 user@example.com"] }, made.context);
  const request = made.fake.requests.find(({ path }) => path.endsWith("launch"))?.body;
  assert.deepEqual(request?.["ssh_key_names"], ["key-1"]);
  assert.equal(request["user_data"], '#cloud-config\nssh_authorized_keys:\n  - "ssh-ed25519 AAAAC3 user@example.com"\n');
});

test("a diff notices an instance that is gone, preempted or lastingly unhealthy, and no other", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  const found = made.fake.instances[0];
  assert.ok(found);
  const look = async (): Promise<string | null> => (await kind.drift?.(id, outs, made.context))?.why ?? null;
  assert.equal(await look(), null);
  for (const status of ["booting", "something-new"]) {
    found.status = status;
    assert.equal(await look(), null, status);
  }
  for (const [status, said] of [["preempted", /is preempted/], ["terminating", /is terminating/], ["unhealthy", /is unhealthy, stands and bills/]] as const) {
    found.status = status;
    assert.match(String(await look()), said);
  }
  found.status = "active";
  made.fake.faults.push({ match: `GET /instances/${id}`, answer: { status: 404, body: refuse(404, "global/object-does-not-exist").body } });
  assert.equal(await look(), null, "one 404 proves nothing");
  made.fake.instances.splice(0);
  assert.match(String(await look()), /is gone \(not found twice, and not in the list\)/);
  assert.deepEqual(made.kinds().slice(-1), ["address.changed"], "a preview writes no ledger");
});

test("with the API key of another account an instance does not look lost", async (t) => {
  const { made, kind, id, outs } = await launched(t);
  made.fake.instances.splice(0);
  made.apiKey = "secret_of_another_account";
  await assert.rejects(async () => kind.drift?.(id, outs, made.context), (error) => error instanceof UserError && error.code === "lambda-other-account");
});
