/** Whose signatures count: a mistake here makes a stranger's consent count, or nobody's. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestProject, withProject } from "./project";

const pem = (): string => generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
const shown = async (project: TestProject): Promise<{ committed: boolean; keys: { name: string; roles: string[]; own: boolean }[] }> => JSON.parse((await project.holdfast("trust", "--json")).stdout) as never;

test("a colleague's exported key is added with the roles that are given, not those it asks for, and what it signs counts", async () => {
  const colleague = new TestProject();
  try {
    await withProject(async (project) => {
      rmSync(join(colleague.root, ".holdfast"), { recursive: true });
      const exported = await colleague.holdfast("trust", "export", "--name", "alice", "--role", "pull", "approve", "break-glass");
      assert.equal(exported.code, 0, exported.stderr);
      assert.doesNotMatch(exported.stdout, /PRIVATE/);
      project.write("alice.yaml", exported.stdout);
      const added = await project.holdfast("trust", "add", "alice.yaml", "--role", "pull");
      assert.equal(added.code, 0, added.stderr);
      assert.match(added.stdout, /"alice" \([0-9a-f]{12}\) may pull\.[^]*with this machine's key in every role[^]*asks for approve, break-glass too[^]*git add .*holdfast\.trust\.yaml && git commit/);
      const trust = await shown(project);
      assert.deepEqual([trust.committed, trust.keys.map(({ roles, own }) => [roles, own])], [true, [[["pull", "approve", "break-glass"], true], [["pull"], false]]]);
      // Committed, it is the colleague's too.
      colleague.write("holdfast.trust.yaml", readFileSync(join(project.root, "holdfast.trust.yaml")));
      assert.deepEqual((await shown(colleague)).keys.map(({ name, own }) => [name === "alice", own]), [[false, false], [true, true]]);
    });
  } finally {
    colleague.remove();
  }
});

test("comments and order of a trust file stay when a key is added or removed", async () => {
  await withProject(async (project) => {
    project.write("holdfast.trust.yaml", `# who: reviewed by the team\nv: 1\nkeys:\n  # the cluster's key\n  - name: cluster\n    roles: [pull, approve]\n    publicKey: |\n      ${pem().trim().replaceAll("\n", "\n      ")}\n`);
    project.write("bob.pub", pem());
    assert.equal((await project.holdfast("trust", "add", "bob.pub", "--name", "bob", "--role", "pull", "approve")).code, 0);
    const text = readFileSync(join(project.root, "holdfast.trust.yaml"), "utf8");
    assert.match(text, /^# who: reviewed by the team\n[^]*# the cluster's key\n[^]*name: bob/);
    assert.equal((await project.holdfast("trust", "remove", "bob")).code, 0);
    assert.match(readFileSync(join(project.root, "holdfast.trust.yaml"), "utf8"), /# the cluster's key/);
    assert.deepEqual((await shown(project)).keys.map(({ name }) => name), ["cluster"]);
  });
});

for (const [what, content, pattern] of [
  ["a private key", (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(), /it is a private key; only the public half belongs here/],
  ["a key of another type", (): string => generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }).toString(), /its type is rsa; only ed25519 is accepted/],
  ["what is no key", (): string => "hello\n", /holds neither a public key in PEM form nor what holdfast trust export prints/],
] as const) {
  test(`${what} is not added, and the file stays as it was`, async () => {
    await withProject(async (project) => {
      project.write("key", content());
      const outcome = await project.holdfast("trust", "add", "key", "--name", "x");
      assert.equal(outcome.code, 2, outcome.stdout);
      assert.match(outcome.stderr, pattern);
      assert.equal(existsSync(join(project.root, "holdfast.trust.yaml")), false);
    });
  });
}

test("the same key twice, and two keys of one name, are refused", async () => {
  await withProject(async (project) => {
    project.write("bob.pub", pem());
    await project.holdfast("trust", "add", "bob.pub", "--name", "bob");
    const again = await project.holdfast("trust", "add", "bob.pub", "--name", "robert");
    assert.deepEqual([again.code, /is in .* already, as "bob"/.test(again.stderr)], [2, true]);
    project.write("other.pub", pem());
    const named = await project.holdfast("trust", "add", "other.pub", "--name", "bob");
    assert.deepEqual([named.code, /Another key in .* is called "bob"/.test(named.stderr)], [2, true]);
    assert.equal((await shown(project)).keys.length, 2);
  });
});

test("the last key that may approve is not taken out by the way", async () => {
  await withProject(async (project) => {
    project.write("ci.pub", pem());
    await project.holdfast("trust", "add", "ci.pub", "--name", "ci", "--role", "pull");
    const own = (await shown(project)).keys.find((key) => key.own)?.name ?? "";
    const refused = await project.holdfast("trust", "remove", own);
    assert.equal(refused.code, 3, refused.stdout);
    assert.match(refused.stderr, /Nothing was changed: .* is the last key that may approve: no run could be ended but by break-glass/);
    assert.equal((await shown(project)).keys.length, 2);
    assert.equal((await project.holdfast("trust", "remove", own, "--anyway")).code, 0);
    assert.match((await project.holdfast("trust")).stdout, /This machine's key \([0-9a-f]{12}\) is not among them, so nothing that is signed here counts/);
    const absent = await project.holdfast("trust", "remove", "nobody");
    assert.deepEqual([absent.code, /No key in .* is called "nobody"; there are: ci/.test(absent.stderr)], [4, true]);
  });
});
