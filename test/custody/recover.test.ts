import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { durableWrites, openCustody, parseTrust, pullVerifyAndSign, recoverRun, RemoteUnreachable, takeManifest, trustEntry, UserError, type Approval, type Custody, type Grant, type LedgerData, type LedgerEntry, type RunCustody } from "../../custody";
import { appendToLedger } from "../../custody/ledger";
import { trustFileFor } from "../../custody/signing/trust";
import { stringify } from "yaml";
import { durableTier } from "./durableTier";
import { LocalRemote, SilentRemote } from "./localRemote";
import { clockAt, declared, declaredRun, NOW, run, temporaryFolder, temporaryProject } from "./support";

const clock = clockAt(NOW);

interface Scene {
  readonly remote: LocalRemote;
  /** `<run directory>/custody` on the durable tier. */
  readonly copies: string;
  readonly project: string;
  readonly custody: Custody;
  readonly run: RunCustody;
}

/** A run that was pulled and approved on a first machine, with its evidence copied beside the artifacts. */
async function copied(context: TestContext): Promise<Scene> {
  const tier = durableTier(temporaryFolder(context));
  const first = declaredRun(context, clock);
  const remote = new LocalRemote();
  const manifest = await takeManifest(remote, { ...tier.options, clock });
  const { receipt } = await pullVerifyAndSign(first.run, remote, manifest, { clock });
  const approval: Approval = {
    v: 1, id: "apr_0123456789abcdef", run, scope: "end", deletions: [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }],
    manifestSha256: receipt.content.manifestSha256, unclaimed: [], giveUp: null, acceptUnreachable: false, at: NOW, expiresAt: "2026-03-02T12:00:00.000Z",
  };
  first.run.signApproval(approval);
  const copies = join(tier.directory, "custody");
  await first.run.copyTo(remote, copies);
  return { remote, copies, ...first };
}

const userError = (code: string, pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

test("a colleague's checkout knows what the first one knew, under the same custody id", async (context) => {
  const { remote, copies, custody, run: first } = await copied(context);
  const project = temporaryProject(context);
  writeFileSync(join(project, "holdfast.trust.yaml"), trustFileFor(custody.signer()));
  const report = await recoverRun(project, remote, copies, run, { clock });
  assert.deepEqual({ ...report, documents: report.documents.length }, { run, custodyId: custody.id, api: "sandbox", entries: 5, outcome: "recovered", documents: 3, untrusted: [], unknownKeys: [], setAside: null });
  const second = openCustody(project, { clock, expectId: custody.id }).run(run);
  assert.deepEqual(second.entries().slice(0, 5), first.entries());
  assert.equal(second.entries()[5]?.kind, "custody.recovered");
  assert.deepEqual([second.receipts(), second.approvals()], [first.receipts(), first.approvals()]);
  assert.deepEqual(second.newestManifest(), first.newestManifest());
  assert.equal(second.append("note", { text: "it goes on" }).seq, 7);
});

test("without a trust file the first machine's signatures do not count, and its key is shown", async (context) => {
  const { remote, copies, custody } = await copied(context);
  const project = temporaryProject(context);
  const report = await recoverRun(project, remote, copies, run, { clock });
  assert.equal(report.untrusted.length, 2);
  assert.deepEqual(report.unknownKeys, [{ keyId: custody.signer().keyId, publicKey: custody.signer().publicKey }]);
  const recovered = openCustody(project, { clock }).run(run);
  assert.deepEqual(recovered.receipts().map((receipt) => receipt.trusted), [false]);
  const [key] = report.unknownKeys;
  const pasted = stringify({ v: 1, keys: [trustEntry({ name: "first", publicKey: key?.publicKey ?? "" }, ["pull"])] });
  assert.equal(parseTrust(pasted, "t").keys.size, 1);
  writeFileSync(join(project, "holdfast.trust.yaml"), pasted);
  assert.deepEqual(recovered.receipts().map((receipt) => receipt.trusted), [true]);
});

test("consent given beforehand is copied, and counts for nothing in a ledger that may lack its revocation", async (context) => {
  const { remote, copies, custody, run: first } = await copied(context);
  const at = first.view().declaredAt;
  first.signStanding({ v: 1, id: "sta_0123456789abcdef", run, life: at, allows: [{ role: "instance", verb: "terminate", tiersLost: ["local"] }], require: "verified", maxUsd: null, at, expiresAt: "2026-03-08T12:00:00.000Z" });
  await first.copyTo(remote, copies);
  const project = temporaryProject(context);
  writeFileSync(join(project, "holdfast.trust.yaml"), trustFileFor(custody.signer()));
  await recoverRun(project, remote, copies, run, { clock });
  const second = openCustody(project, { clock, expectId: custody.id }).run(run);
  assert.deepEqual(second.standing(), first.standing());
  assert.deepEqual([first.view().standing.length, second.view().standing.length], [1, 0]);
});

test("private keys never travel to the durable tier", async (context) => {
  const { copies, custody } = await copied(context);
  const names = readdirSync(copies, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(names.length, 6);
  for (const entry of names) assert.doesNotMatch(readFileSync(join(entry.parentPath, entry.name), "utf8"), /PRIVATE KEY/);
  assert.ok(existsSync(join(copies, "keys", `${custody.signer().keyId}.pub`)));
});

test("a second copy sends only what is new", async (context) => {
  const { remote, copies, run: first } = await copied(context);
  remote.calls.length = 0;
  await first.copyTo(remote, copies);
  const written = remote.calls.filter((call) => call.startsWith("write ")).map((call) => call.slice(`write ${copies}/`.length));
  assert.deepEqual(written.map((name) => name.replace(/[0-9a-f]{64}/, "DIGEST")), ["custody.json", "manifests/DIGEST.json", "ledger.jsonl"]);
});

test("a copy that another checkout went on with is not overwritten", async (context) => {
  const { remote, copies, run: first } = await copied(context);
  const path = join(copies, "ledger.jsonl");
  const theirs = `${readFileSync(path, "utf8")}${"x".repeat(20)}\n`;
  writeFileSync(path, theirs);
  await assert.rejects(first.copyTo(remote, copies), userError("ledgers-differ", /another checkout went on with this run/));
  assert.equal(readFileSync(path, "utf8"), theirs);
  writeFileSync(path, readFileSync(first.paths.ledger));
  first.append("note", { text: "newer" });
  await first.copyTo(remote, copies);
  assert.equal(readFileSync(path, "utf8"), readFileSync(first.paths.ledger, "utf8"));
});

test("a local ledger that knows more is kept", async (context) => {
  const { remote, copies, project, run: first } = await copied(context);
  first.append("note", { text: "newer than the copy" });
  const before = readFileSync(first.paths.ledger, "utf8");
  rmSync(join(first.paths.approvals, "apr_0123456789abcdef.dsse.json"));
  const report = await recoverRun(project, remote, copies, run, { clock });
  assert.equal(report.outcome, "kept");
  assert.deepEqual(report.documents, ["approvals/apr_0123456789abcdef.dsse.json"], "only what was missing");
  assert.equal(readFileSync(first.paths.ledger, "utf8"), before);
});

test("a local ledger that knows less is brought up to the copy", async (context) => {
  const { remote, copies, project, run: first } = await copied(context);
  const lines = readFileSync(first.paths.ledger, "utf8").split("\n");
  writeFileSync(first.paths.ledger, `${lines.slice(0, 2).join("\n")}\n`);
  assert.equal((await recoverRun(project, remote, copies, run, { clock })).outcome, "recovered");
  assert.equal(first.entries().length, 6);
});

test("two ledgers that grew apart become one with every line of both, and nothing that only one of them allowed is open", async (context) => {
  const { remote, copies, project, run: first } = await copied(context);
  const copy = readFileSync(join(copies, "ledger.jsonl"), "utf8");
  const lines = copy.split("\n");
  writeFileSync(first.paths.ledger, `${lines.slice(0, 2).join("\n")}\n`);
  first.append("note", { text: "another story" });
  const before = readFileSync(first.paths.ledger, "utf8");
  const report = await recoverRun(project, remote, copies, run, { clock });
  assert.equal(report.outcome, "merged");
  const after = readFileSync(first.paths.ledger, "utf8");
  assert.ok(after.startsWith(before), "what stood here stands as it was");
  for (const line of lines) assert.ok(after.includes(line));
  assert.deepEqual(first.entries().slice(-2).map((entry) => entry.kind), ["custody.merged", "custody.recovered"]);
  assert.equal(first.append("note", { text: "it goes on" }).seq, 9);
  await first.copyTo(remote, copies);
  assert.equal((await recoverRun(project, remote, copies, run, { clock })).outcome, "kept", "joined once");
});

test("a local ledger that cannot be believed is set aside, not overwritten", async (context) => {
  const { remote, copies, project, run: first } = await copied(context);
  appendFileSync(first.paths.ledger, "garbage\n");
  const report = await recoverRun(project, remote, copies, run, { clock });
  assert.equal(report.outcome, "recovered");
  assert.match(readFileSync(report.setAside ?? "", "utf8"), /garbage\n$/);
  assert.deepEqual(first.entries().slice(-2).map((entry) => entry.kind), ["custody.recovered", "note"]);
});

for (const [what, spoil, code, pattern] of [
  ["a ledger line that was edited", (copies: string) => { const path = join(copies, "ledger.jsonl"); writeFileSync(path, readFileSync(path, "utf8").replace("i-1", "i-2")); }, "ledger-broken", /line 5 of the copy in .* was changed after it was written/],
  ["a manifest that was edited", (copies: string) => { const folder = join(copies, "manifests"); const path = join(folder, readdirSync(folder)[0] ?? ""); writeFileSync(path, readFileSync(path, "utf8").replace('"bytes":84', '"bytes":85')); }, "evidence-malformed", /it was changed after it was written/],
  ["a receipt that is none", (copies: string) => { const folder = join(copies, "receipts"); writeFileSync(join(folder, readdirSync(folder)[0] ?? ""), "{}"); }, "evidence-malformed", /it is not a DSSE envelope/],
  ["another store's id", (copies: string) => { writeFileSync(join(copies, "custody.json"), '{"v":1,"id":"cst_ffffffffffffffff"}'); }, "ledger-broken", /one of them was put there by somebody else/],
  ["no ledger", (copies: string) => { rmSync(join(copies, "ledger.jsonl")); }, "nothing-to-recover", /holds no copy of a ledger/],
] as const) {
  test(`copies with ${what} are not taken over, and nothing is left behind`, async (context) => {
    const { remote, copies } = await copied(context);
    spoil(copies);
    const project = temporaryProject(context);
    await assert.rejects(recoverRun(project, remote, copies, run, { clock }), userError(code, pattern));
    assert.equal(existsSync(join(project, ".holdfast", "runs", "digits", "dev", "sweep", "ledger.jsonl")), false);
    assert.deepEqual(readdirSync(join(project, ".holdfast", "tmp")), []);
  });
}

test("files that custody would not put there are not fetched", async (context) => {
  const { remote, copies } = await copied(context);
  for (const name of ["receipts/../../../escape", "keys/local.key", "receipts/rcp_x.dsse.json", "ssh/id", "evil.sh"]) {
    const path = join(copies, name);
    if (existsSync(dirname(path))) writeFileSync(path, "evil");
  }
  writeFileSync(join(copies, "evil.sh"), "evil");
  const project = temporaryProject(context);
  const { documents } = await recoverRun(project, remote, copies, run, { clock });
  assert.equal(documents.length, 3);
  assert.equal(existsSync(join(project, ".holdfast", "runs", "digits", "dev", "sweep", "evil.sh")), false);
});

test("a store that keeps runs of its own is not turned into another", async (context) => {
  const { remote, copies, custody: first } = await copied(context);
  const other = declaredRun(context, clock);
  await assert.rejects(recoverRun(other.project, remote, copies, run, { clock }), userError("custody-conflict", new RegExp(`belongs to the custody store ${first.id}, but .* is ${other.custody.id} and keeps runs of its own`)));
  assert.equal(openCustody(other.project).id, other.custody.id);
});

test("a store without runs takes the id of the one that is recovered, and the next run fits beside it", async (context) => {
  const { remote, copies, custody: first } = await copied(context);
  const project = temporaryProject(context);
  openCustody(project, { create: true });
  await recoverRun(project, remote, copies, run, { clock });
  const custody = openCustody(project, { expectId: first.id });
  custody.run({ ...run, name: "next" }).append("run.declared", { ...declared(custody.id), run: { ...run, name: "next" } });
  assert.equal(custody.runs().length, 2);
});

test("copies of another run are not taken for this one's", async (context) => {
  const { remote, copies } = await copied(context);
  await assert.rejects(recoverRun(temporaryProject(context), remote, copies, { ...run, name: "other" }, { clock }), userError("ledger-broken", /does not begin a ledger of this run/));
});

test("a machine that does not answer leaves nothing half-recovered", async (context) => {
  const project = temporaryProject(context);
  await assert.rejects(recoverRun(project, new SilentRemote(), "/mnt/custody", run, { clock }), RemoteUnreachable);
  assert.deepEqual(readdirSync(join(project, ".holdfast")), ["tmp"]);
});

test("a grant and a disposable declaration that somebody wrote into the copied ledger open nothing", async (context) => {
  const { remote, copies, custody } = await copied(context);
  const path = join(copies, "ledger.jsonl");
  const [first, ...rest] = readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as LedgerEntry);
  assert.ok(first !== undefined);
  // The chain is rebuilt by the rules, as anybody can: it holds.
  const forged = join(temporaryFolder(context), "ledger.jsonl");
  const deletions = [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }];
  const grant: Grant = { v: 1, id: "grt_0123456789abcdef", run, basis: "break-glass", deletions, manifestSha256: null, approvalId: null, breakGlassId: null, receiptId: null, at: NOW, expiresAt: "2026-03-02T12:00:00.000Z" };
  appendToLedger(forged, run, "run.declared", { ...(first.data as LedgerData["run.declared"]), disposable: { maxHours: 10_000 } }, clock.now());
  for (const { kind, data } of rest) appendToLedger(forged, run, kind, data, clock.now());
  appendToLedger(forged, run, "grant.sealed", { grant }, clock.now());
  writeFileSync(path, readFileSync(forged));

  const project = temporaryProject(context);
  writeFileSync(join(project, "holdfast.trust.yaml"), trustFileFor(custody.signer()));
  assert.equal((await recoverRun(project, remote, copies, run, { clock })).outcome, "recovered");
  const recovered = openCustody(project, { clock }).run(run);
  assert.deepEqual([recovered.view().openGrant, recovered.view().disposable], [null, null]);
  assert.deepEqual(recovered.approvals().map(({ trusted }) => trusted), [true], "what is signed still counts");
});

test("a recovery that dies half-way never leaves a copied ledger without the line that takes its grants back", async (context) => {
  const { remote, copies } = await copied(context);
  const project = temporaryProject(context);
  const ledger = join(project, ".holdfast", "runs", "digits", "dev", "sweep", "ledger.jsonl");
  const { beforeStep } = durableWrites;
  context.after(() => { durableWrites.beforeStep = beforeStep; });
  durableWrites.beforeStep = ({ operation, path }) => { if (operation === "fsync-directory" && existsSync(ledger) && path === dirname(ledger)) throw new Error("the power failed"); };
  await assert.rejects(recoverRun(project, remote, copies, run, { clock }), /the power failed/);
  durableWrites.beforeStep = beforeStep;
  assert.equal(openCustody(project, { clock }).run(run).entries().at(-1)?.kind, "custody.recovered");
});
