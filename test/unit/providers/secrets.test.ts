/** A new value of a secret is noticed, and nothing that is stored leads back to it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openCustody, type Custody } from "../../../custody";
import { compareSecrets, markSecrets, sayUnknownSecrets, writeSecrets } from "../../../providers/job/secrets";
import { LocalRemote } from "../../custody/localRemote";
import { planWith, run } from "../profiles/happy";

function custodyOf(t: TestContext): Custody {
  const root = mkdtempSync(join(tmpdir(), "holdfast-secrets-"));
  t.after(() => { rmSync(root, { recursive: true }); });
  return openCustody(root, { create: true });
}

test("a rotated secret is noticed; one that is not in this environment counts as unchanged", (t) => {
  const custody = custodyOf(t);
  const marks = (environment: NodeJS.ProcessEnv): ReturnType<typeof markSecrets> => markSecrets(["A", "B"], environment, custody);
  const before = marks({ A: "1", B: "2" });
  const rotated = (olds: typeof before | undefined, news: typeof before): readonly string[] => compareSecrets(olds, news, {}).rotated;
  assert.deepEqual(rotated(before, marks({ A: "1", B: "2" })), []);
  assert.deepEqual(rotated(before, marks({ A: "1", B: "3" })), ["B"]);
  assert.deepEqual(rotated(before, marks({})), []);
  assert.deepEqual(rotated(undefined, before), ["A", "B"]);
});

test("a colleague's checkout cannot tell whether a value changed, so nothing is sent from there unasked, and that is said", (t) => {
  const values = { A: "1", B: "2" };
  const [mine, theirs] = [markSecrets(["A", "B"], values, custodyOf(t)), markSecrets(["A", "B"], values, custodyOf(t))];
  const changes = compareSecrets(mine, theirs, {});
  assert.deepEqual(changes, { rotated: [], unknown: ["A", "B"] });
  assert.match(sayUnknownSecrets(changes) ?? "", /A, B: the value was sent from another checkout.*left as it is \(HOLDFAST_SEND_SECRETS=1 pulumi up/);
  assert.equal(sayUnknownSecrets(compareSecrets(mine, mine, {})), undefined);
  assert.deepEqual(compareSecrets(mine, theirs, { HOLDFAST_SEND_SECRETS: "1" }), { rotated: ["A", "B"], unknown: [] });
  const { A } = mine;
  assert.deepEqual(compareSecrets(A === undefined ? {} : { A }, theirs, {}), { rotated: ["B"], unknown: ["A"] }, "what was never sent is sent");
});

test("a mark cannot be made by who guesses the value: the key is custody's own, and nobody else may read it", (t) => {
  const [one, other] = [custodyOf(t), custodyOf(t)];
  assert.notDeepEqual(markSecrets(["A"], { A: "1" }, one), markSecrets(["A"], { A: "1" }, other));
  assert.equal(statSync(join(one.root, "keys", "secrets.key")).mode & 0o777, 0o600);
});

test("a secret that the job no longer names is taken off the instance", async () => {
  const remote = new LocalRemote();
  const plan = planWith({ secrets: [] });
  const content = { run, plan, codeDirectory: "/", codeSha256: "", codeWithout: [], mountPoint: "/mnt", filesystemId: "fs" };
  remote.exec = (argv) => {
    remote.calls.push(argv.join(" "));
    return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
  };
  await writeSecrets(remote, content, {});
  assert.deepEqual(remote.calls, ["rm -f -- /home/ubuntu/holdfast/secrets/digits"]);
});
