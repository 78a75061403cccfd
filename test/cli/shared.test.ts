/** Commands in a project whose evidence is shared: a second checkout sees what the first one did, and a store that is down is told. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { trustEntry } from "../../custody";
import { PrivateSshd } from "../integration/ssh/sshd";
import { TestProject } from "./project";

/** Two checkouts; the second has neither run nor store, and trusts the first one's key. */
async function withTwo(body: (first: TestProject, second: TestProject, store: string) => Promise<void>): Promise<void> {
  const store = mkdtempSync(join(tmpdir(), "holdfast-shared-"));
  const [first, second] = [new TestProject(), new TestProject()];
  try {
    const config = readFileSync(join(first.root, "Pulumi.dev.yaml"), "utf8");
    const trust = stringify({ v: 1, keys: [trustEntry({ name: "first", publicKey: first.custody.signer().publicKey }, ["pull", "approve"])] });
    rmSync(join(second.root, ".holdfast"), { recursive: true });
    for (const project of [first, second]) {
      project.write("Pulumi.dev.yaml", `${config}  holdfast:custody: {store: ${store}/team}\n`);
      project.write("holdfast.trust.yaml", trust);
    }
    await body(first, second, join(store, "team"));
  } finally {
    first.remove();
    second.remove();
    rmSync(store, { recursive: true, force: true });
  }
}

test("a fresh checkout lists the runs of the team, and its ledger is theirs", async () => {
  await withTwo(async (first, second) => {
    first.declareRun();
    assert.equal((await first.holdfast("ls")).code, 0);
    const listed = await second.holdfast("ls", "--json");
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /lab\/dev\/digits/);
    const ledger = await second.holdfast("ledger", "lab/dev/digits", "--json");
    const mine = await first.holdfast("ledger", "lab/dev/digits", "--json");
    assert.equal(ledger.stdout, mine.stdout);
  });
});

test("recover in a fresh checkout takes the shared store, without a machine and without a key", async () => {
  await withTwo(async (first, second) => {
    first.declareRun();
    await first.holdfast("ls");
    const recovered = await second.holdfast("recover", "dev/digits", "--json");
    assert.equal(recovered.code, 0, recovered.stderr);
    const report = JSON.parse(recovered.stdout) as { outcome: string; custodyId: string };
    assert.deepEqual([report.outcome, report.custodyId], ["recovered", first.custody.id]);
    assert.match((await second.holdfast("recover", "dev/digits")).stdout, /says as much as the copy or more/);
  });
});

test("a machine that is adopted in a fresh checkout is the team's: everybody sees it, and the checkout keeps no store of its own", async () => {
  await withTwo(async (first, second) => {
    first.declareRun();
    assert.equal((await first.holdfast("ls")).code, 0);
    const home = join(second.root, "machine");
    second.write("machine/out/notes.txt", "by hand\n");
    const sshd = await PrivateSshd.start({ home });
    const { host, port, user, keyPath } = sshd.target;
    try {
      const adopted = await second.holdfast("adopt", "--ssh", `${user}@${host}:${port}`, "--artifacts", join(home, "out"), "--name", "by-hand", "--key", keyPath);
      assert.equal(adopted.code, 0, adopted.stderr);
      assert.equal((JSON.parse(readFileSync(join(second.root, ".holdfast", "custody.json"), "utf8")) as { id: string }).id, first.custody.id);
      const listed = await first.holdfast("ls");
      assert.match(listed.stdout, /by-hand +adopted/, listed.stderr);
      const pulled = await first.holdfast("pull", "by-hand");
      assert.equal(pulled.code, 0, pulled.stderr);
      assert.match((await second.holdfast("status", "by-hand")).stdout, /receipts +1/);
    } finally {
      sshd.cut();
      await sshd.close();
    }
  });
});

test("a shared store that does not answer is told on stderr, as JSON for programs, and hides no run", async () => {
  await withTwo(async (first) => {
    first.declareRun();
    const env = { HOLDFAST_CUSTODY_STORE: "ssh://me@127.0.0.1:9/srv/custody" };
    const told = await first.holdfastWith({ env }, "ls");
    assert.equal(told.code, 0);
    assert.match(told.stderr, /WARNING: The shared store ssh:\/\/me@127\.0\.0\.1:9\/srv\/custody could not be asked/);
    assert.match(told.stdout, /digits/);
    const json = await first.holdfastWith({ env }, "ls", "--json");
    const warnings = json.stderr.trim().split("\n").map((line) => (JSON.parse(line) as { warning: { code: string } }).warning.code);
    assert.deepEqual(warnings, ["shared-store-unknown", "shared-store-behind"]);
    JSON.parse(json.stdout);
  });
});

test("nothing of the bucket's client is loaded for a store in a folder, and nothing at all is asked where nothing is shared", async () => {
  await withTwo(async (first, _second, store) => {
    first.declareRun();
    const shared = await first.loadedModules("ls");
    assert.ok(existsSync(join(store, "custody.json")));
    assert.deepEqual(shared.loaded.filter((path) => path.includes("@aws-sdk")), []);
    const alone = await first.loadedModules("ls", "--help");
    assert.deepEqual(alone.loaded.filter((path) => path.includes("sharedCustody")), []);
  });
});
