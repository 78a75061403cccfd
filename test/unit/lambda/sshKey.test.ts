/** The run's SSH key: one per run, its private half in one place, found again by what it is and not by its name. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HttpFailure } from "../../../providers/http";
import { isLambdaError } from "../../../providers/lambda/api/errors";
import type { SshKeyInputs } from "../../../providers/lambda/kinds/sshKey";
import { sshKeyKind } from "../../../providers/lambda/kinds/sshKey";
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
