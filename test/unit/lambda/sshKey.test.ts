/** The run's SSH key: one per run, its private half in one place, found again by what it is and not by its name. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { Grant, PlannedDeletion } from "../../../custody/formats";
import { UserError } from "../../../custody/userError";
import type { RunView } from "../../../custody/view";
import { HttpFailure } from "../../../providers/http";
import { isLambdaError } from "../../../providers/lambda/api/errors";
import { openIntent } from "../../../providers/lambda/intents";
import type { InstanceOutputs } from "../../../providers/lambda/kinds/instance";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import type { SshKeyInputs, SshKeyOutputs } from "../../../providers/lambda/kinds/sshKey";
import { sshKeyKind } from "../../../providers/lambda/kinds/sshKey";
import { removePrivateKeys } from "../../../providers/lambda/privateKeys";
import { keyMaterial } from "../../../providers/lambda/sshKeyPair";
import type { Bench } from "./doubles/bench";
import { bench } from "./doubles/bench";

const inputsOf = ({ instanceInputs: { binding, endpoint } }: Bench): SshKeyInputs => ({ binding, endpoint, role: "sshKey", namePrefix: "holdfast-digits" });
const addPath = "POST /ssh-keys";
const reset = new HttpFailure("connection", true, "broken");

test("the private half is 0600 under custody and in nothing that is stored or sent", async (t) => {
  const made = bench(t);
  const { outs } = await sshKeyKind(made.edges).create(inputsOf(made), made.context);
  const path = join(made.run.paths.ssh, outs.name);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const secret = readFileSync(path, "utf8").split("\n").slice(1, 4).join("");
  assert.doesNotMatch(JSON.stringify([outs, made.run.entries(), made.fake.requests]), /PRIVATE KEY/);
  assert.ok(!JSON.stringify([outs, made.run.entries(), made.fake.requests]).includes(secret.slice(60, 120)));
});

test("a key whose reply was lost is found by its material although the vendor changed the comment", async (t) => {
  const made = bench(t);
  made.fake.faults.push({ match: addPath, commit: true, answer: reset });
  const { id, outs } = await sshKeyKind(made.edges).create(inputsOf(made), made.context);
  assert.equal(made.fake.sshKeys.length, 1);
  assert.equal(id, made.fake.sshKeys[0]?.id);
  assert.equal(keyMaterial(outs.publicKey), keyMaterial(readFileSync(join(made.run.paths.ssh, `${outs.name}.pub`), "utf8")));
});

test("a key that may or may not exist is looked for by the next create, which makes no second one", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  made.fake.faults.push({ match: addPath, commit: true, answer: reset });
  const hidden: typeof made.fake.sshKeys = [];
  const transport = made.fake.transport;
  Object.assign(made.fake, { transport: (request: Parameters<typeof transport>[0]) => {
    const answer = transport(request);
    hidden.push(...made.fake.sshKeys.splice(0));
    return answer;
  } });
  await assert.rejects(kind.create(inputsOf(made), made.context), (error) => isLambdaError(error, "ambiguous"));
  Object.assign(made.fake, { transport });
  made.fake.sshKeys.push(...hidden);
  const { id } = await kind.create(inputsOf(made), made.context);
  assert.equal(id, hidden[0]?.id);
  assert.equal(made.fake.requests.filter(({ method, path }) => method === "POST" && path === "/ssh-keys").length, 1);
});

test("a key that state lost is taken over, unless its private half is not here: then another is made", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const first = await kind.create(inputsOf(made), made.context);
  assert.equal((await kind.create(inputsOf(made), made.context)).id, first.id);
  rmSync(join(made.run.paths.ssh, first.outs.name));
  assert.notEqual((await kind.create(inputsOf(made), made.context)).id, first.id);
});

test("a key that somebody removed is put back under its name instead of costing the instance", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const { id, outs } = await kind.create(inputsOf(made), made.context);
  made.fake.sshKeys.splice(0);
  const seen = await kind.read?.(id, outs, made.context);
  assert.equal(seen?.missing, true);
  assert.deepEqual(kind.diff(seen, inputsOf(made)), { changes: true, replaces: [] });
  const after = await kind.update(id, seen, inputsOf(made), made.context);
  assert.equal(after.name, outs.name);
  assert.equal(after.missing, false);
  assert.equal(made.fake.sshKeys[0]?.id, after.keyId);
  assert.deepEqual(made.run.view().live.map((resource) => resource.id), [after.keyId], "the id that is gone is not live beside the new one");
});

test("a delete waits while a terminating instance still refers to the key, then removes the private half", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const { id, outs } = await kind.create(inputsOf(made), made.context);
  made.fake.instances.push({ id: "i", name: "n", status: "terminating", ip: null, type: "gpu_1x_a10", region: "us-east-1", sshKey: outs.name, filesystem: "", tags: [], launchedAt: 0, terminatedAt: made.clock.now().getTime() });
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.sshKeys, []);
  assert.deepEqual(existsSync(made.run.paths.ssh) ? readdirSync(made.run.paths.ssh) : [], []);
  assert.equal(made.kinds().at(-1), "resource.deleted");
  await kind.delete(id, outs, made.context);
});

/** A run with its key and an instance that stands and was launched with it. */
async function runWithInstance(t: TestContext): Promise<{ made: Bench; kind: ReturnType<typeof sshKeyKind>; id: string; outs: SshKeyOutputs; instance: { id: string; outs: InstanceOutputs }; privateKey: string }> {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const key = await kind.create(inputsOf(made), made.context);
  const instance = await instanceKind(made.edges).create({ ...made.instanceInputs, sshKeyName: key.outs.name }, made.context);
  return { made, kind, ...key, instance, privateKey: join(made.run.paths.ssh, key.outs.name) };
}

/** As if the gate had sealed a grant for these deletions. */
function grant({ run }: Bench, deletions: readonly PlannedDeletion[]): void {
  const view = run.view.bind(run);
  Object.assign(run, { view: (): RunView => ({ ...view(), openGrant: { id: "grt_1", deletions } as Grant }) });
}

test("the key of a standing instance is not deleted while the run goes on: it is the last way to pull", async (t) => {
  const { made, kind, id, outs, instance, privateKey } = await runWithInstance(t);
  // Lists may lack what stands, for a moment.
  made.fake.faults.push({ match: "GET /instances", answer: { status: 200, body: '{"data": []}' } });
  for (const what of ["as the ledger knows", "as the account's list shows"]) {
    await assert.rejects(kind.delete(id, outs, made.context), (error) => error instanceof UserError && error.code === "lambda-key-in-use" && error.message.includes(instance.id), what);
  }
  assert.equal(made.fake.sshKeys.length, 1);
  assert.equal(made.fake.requests.filter(({ method }) => method === "DELETE").length, 0);
  assert.ok(existsSync(privateKey));
  await instanceKind(made.edges).delete(instance.id, instance.outs, made.context);
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.sshKeys, []);
  assert.ok(!existsSync(privateKey));
});

test("where the vendor lets the key of a standing instance go, and the gate did, the only private key stays until that instance is gone", async (t) => {
  const { made, kind, id, outs, instance, privateKey } = await runWithInstance(t);
  grant(made, [{ role: "sshKey", id, verb: "delete", tiersLost: [] }]);
  for (const each of made.fake.instances) each.sshKey = "";
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.sshKeys, []);
  assert.ok(existsSync(privateKey));
  assert.ok(made.said.some((line) => line.includes(privateKey)));
  assert.equal(removePrivateKeys(made.run), false);
  await instanceKind(made.edges).delete(instance.id, instance.outs, made.context);
  assert.equal(removePrivateKeys(made.run), true);
  assert.ok(!existsSync(privateKey));
});

test("a replacement of the key, which deletes before it creates, ends in another key and keeps that one's private half", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const old = await kind.create(inputsOf(made), made.context);
  await kind.delete(old.id, old.outs, made.context);
  const next = await kind.create(inputsOf(made), made.context);
  assert.notEqual(next.id, old.id);
  assert.deepEqual(made.fake.sshKeys.map((key) => key.id), [next.id]);
  assert.ok(existsSync(join(made.run.paths.ssh, next.outs.name)));
  assert.ok(!existsSync(join(made.run.paths.ssh, old.outs.name)));
});

test("the private half of a key stays while a launch with it has an unknown outcome", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const { id, outs } = await kind.create(inputsOf(made), made.context);
  openIntent(made.run, { role: "instance", name: "digits-00000000", request: { sshKeyName: outs.name } });
  await kind.delete(id, outs, made.context);
  assert.ok(existsSync(join(made.run.paths.ssh, outs.name)));
});

test("with lost state and another account's key no second key is made, and the first stays the run's", async (t) => {
  const made = bench(t);
  const kind = sshKeyKind(made.edges);
  const { id } = await kind.create(inputsOf(made), made.context);
  made.fake.sshKeys.splice(0);
  made.apiKey = "secret_other_account";
  await assert.rejects(kind.create(inputsOf(made), made.context), { code: "lambda-other-account" });
  assert.deepEqual(made.fake.sshKeys, []);
  assert.equal(made.run.view().resources.get("sshKey")?.id, id);
});
