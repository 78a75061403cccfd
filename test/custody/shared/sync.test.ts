/** Two laptops with one shared place: neither loses what the other knows, and nobody is believed who is not trusted. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stringify } from "yaml";
import { FolderPlace, openCustody, pullVerifyAndSign, SharedCustody, systemClock, takeManifest, trustEntry, UserError, type Custody, type Grant, type RunCustody, type SharedPlace } from "../../../custody";
import { durableTier } from "../durableTier";
import { LocalRemote } from "../localRemote";
import { clockAt, declared, NOW, run, temporaryFolder, temporaryProject } from "../support";

const clock = { ...clockAt(NOW), sleep: systemClock.sleep.bind(systemClock) };

interface Laptop {
  readonly project: string;
  readonly shared: SharedCustody;
  readonly custody: Custody;
  readonly run: RunCustody;
}

async function laptop(context: TestContext, place: SharedPlace, project = temporaryProject(context)): Promise<Laptop> {
  const shared = new SharedCustody(place, { projectRoot: project, clock });
  const custody = await shared.open();
  return { project, shared, custody, run: custody.run(run) };
}

/** Commits the same trust file to both checkouts. */
function trustEachOther(...laptops: readonly Laptop[]): void {
  const keys = laptops.map(({ custody }, index) => trustEntry({ name: `person-${index}`, publicKey: custody.signer().publicKey }, ["pull", "approve"]));
  for (const { project } of laptops) writeFileSync(join(project, "holdfast.trust.yaml"), stringify({ v: 1, keys }));
}

const kinds = (opened: RunCustody): string[] => opened.entries().map((entry) => entry.kind);
const texts = (opened: RunCustody): string[] => opened.entries().flatMap((entry) => (entry.kind === "note" ? [(entry.data as { text: string }).text] : []));

async function pair(context: TestContext, place: SharedPlace = new FolderPlace(temporaryFolder(context))): Promise<{ a: Laptop; b: Laptop; place: SharedPlace }> {
  const a = await laptop(context, place);
  const b = await laptop(context, place);
  trustEachOther(a, b);
  a.run.append("run.declared", declared(a.custody.id));
  return { a, b, place };
}

test("a second checkout is the same store, and has what the first one wrote, byte for byte", async (context) => {
  const { a, b } = await pair(context);
  const tier = durableTier(temporaryFolder(context));
  const remote = new LocalRemote();
  await pullVerifyAndSign(a.run, remote, await takeManifest(remote, { ...tier.options, clock }), { clock });
  assert.equal(await a.shared.share(a.run), true);
  assert.equal(b.custody.id, a.custody.id);
  assert.deepEqual((await b.shared.runs("digits")).map((found) => found.run), [run]);
  const { adopted, ...report } = await b.shared.fetch(b.run);
  assert.deepEqual(report, { added: 4, merged: false, vouchedBy: "person-0", unknownKeys: [] });
  assert.equal(adopted?.outcome, "recovered");
  assert.equal(readFileSync(b.run.paths.ledger, "utf8"), readFileSync(a.run.paths.ledger, "utf8"));
  assert.deepEqual([b.run.receipts(), b.run.newestManifest()], [a.run.receipts(), a.run.newestManifest()]);
  assert.equal(b.run.receipts()[0]?.trusted, true);
  assert.equal(await a.shared.share(a.run), false, "nothing new");
});

test("what both wrote meanwhile is on both, once, and then they agree", async (context) => {
  const { a, b } = await pair(context);
  await a.shared.share(a.run);
  await b.shared.fetch(b.run);
  a.run.append("note", { text: "by a" });
  b.run.append("note", { text: "by b" });
  await a.shared.share(a.run);
  await b.shared.share(b.run);
  await a.shared.fetch(a.run);
  assert.deepEqual([texts(a.run).sort(), texts(b.run).sort()], [["by a", "by b"], ["by a", "by b"]]);
  assert.equal(kinds(a.run).filter((kind) => kind === "custody.merged").length, 1);
  assert.deepEqual([await a.shared.share(a.run), await b.shared.share(b.run)], [false, false]);
});

test("many writers at once lose no line", async (context) => {
  const { a, b, place } = await pair(context);
  await a.shared.share(a.run);
  const others = [b, await laptop(context, place), await laptop(context, place)];
  trustEachOther(a, ...others);
  for (const each of others) await each.shared.fetch(each.run);
  const all = [a, ...others];
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(all.map(async (each, index) => {
      each.run.append("note", { text: `round ${round} by ${index}` });
      await each.shared.share(each.run);
    }));
  }
  for (const each of all) await each.shared.fetch(each.run);
  const wanted = Array.from({ length: 12 }, (_, index) => `round ${Math.floor(index / 4)} by ${index % 4}`);
  for (const each of all) assert.deepEqual(texts(each.run).sort(), wanted);
  const heads = new Set(all.map((each) => each.run.entries().at(-1)?.hash));
  assert.equal(heads.size, 1, "all agree");
});

test("private keys never leave the machine", async (context) => {
  const place = temporaryFolder(context);
  const { a } = await pair(context, new FolderPlace(place));
  await a.shared.share(a.run);
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.ok(files.some((entry) => entry.name.endsWith(".pub")));
  for (const entry of files) assert.doesNotMatch(readFileSync(join(entry.parentPath, entry.name), "utf8"), /PRIVATE KEY/);
});

const grant: Grant = {
  v: 1, id: "grt_0123456789abcdef", run, basis: "receipt-and-approval", deletions: [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }], manifestSha256: null,
  approvalId: "apr_0123456789abcdef", breakGlassId: null, receiptId: null, at: NOW, expiresAt: "2026-03-02T12:00:00.000Z",
};

test("a grant counts on the machine that sealed it; elsewhere the teardown is decided anew, and the approval is used", async (context) => {
  const { a, b } = await pair(context);
  a.run.append("grant.sealed", { grant });
  await a.shared.share(a.run);
  await b.shared.fetch(b.run);
  assert.equal(a.run.view().openGrant?.id, grant.id);
  assert.equal(b.run.view().openGrant, null);
  assert.ok(b.run.view().usedApprovals.has("apr_0123456789abcdef"));
});

test("lines for which nobody vouches who is trusted count as little as a copy", async (context) => {
  const { a, b } = await pair(context);
  a.run.append("run.declared", { ...declared(a.custody.id), disposable: { maxHours: 10 } });
  await a.shared.share(a.run);
  writeFileSync(join(b.project, "holdfast.trust.yaml"), stringify({ v: 1, keys: [trustEntry({ name: "b", publicKey: b.custody.signer().publicKey }, ["pull", "approve"])] }));
  const report = await b.shared.fetch(b.run);
  assert.equal(report.vouchedBy, null);
  assert.deepEqual(report.unknownKeys.map(({ keyId }) => keyId), [a.custody.signer().keyId]);
  assert.equal(kinds(b.run).at(-1), "custody.recovered");
  assert.equal(b.run.view().jobEverStarted, true, "whatever the others say");
});

test("whoever only looks, and is not trusted, tells nobody anything: no consent is taken back, and no ledger grows with every look", async (context) => {
  const { a, b } = await pair(context);
  for (const { project, custody } of [a, b]) {
    writeFileSync(join(project, "holdfast.trust.yaml"), stringify({ v: 1, keys: [trustEntry({ name: "me", publicKey: custody.signer().publicKey }, ["pull", "approve"])] }));
  }
  a.run.append("standing.signed", { standing: "sta_0123456789abcdef", allows: [], maxUsd: null, expiresAt: "2026-03-02T12:00:00.000Z", envelopeSha256: "0".repeat(64), keyId: a.custody.signer().keyId });
  await a.shared.share(a.run);
  const version = (await a.shared.runs("digits"))[0]?.version;
  for (let look = 0; look < 3; look += 1) {
    for (const { shared, run: theirs } of [b, a]) {
      await shared.fetch(theirs);
      assert.deepEqual([shared.hasNews(theirs), await shared.share(theirs)], [false, false]);
    }
  }
  assert.deepEqual((await b.shared.runs("digits")).map((found) => found.version), [version]);
  assert.equal(a.run.view().standing.length, 1);
  assert.deepEqual(kinds(b.run), ["run.declared", "standing.signed", "custody.recovered"]);
  // What it does says more, and comes with all that led to it.
  b.run.append("note", { text: "by b" });
  assert.equal(await b.shared.share(b.run), true);
  assert.equal((await a.shared.fetch(a.run)).added, 2);
});

test("a signature over an older ledger does not vouch for lines that were added to it since", async (context) => {
  const { a, b, place } = await pair(context);
  await a.shared.share(a.run);
  const name = "runs/digits/dev/sweep/ledger.jsonl";
  const signed = await place.read(name);
  assert.ok(signed !== null && signed !== "unchanged");
  const voucher = signed.content.trimEnd().split("\n").at(-1) ?? "";
  a.run.append("note", { text: "added by somebody else" });
  await place.replace(name, `${readFileSync(a.run.paths.ledger, "utf8")}${voucher}\n`, signed.version);
  assert.equal((await b.shared.fetch(b.run)).vouchedBy, null);
});

test("a ledger that was edited in the shared place is refused, and what is here stays", async (context) => {
  const { a, b, place } = await pair(context);
  await a.shared.share(a.run);
  await b.shared.fetch(b.run);
  const before = readFileSync(b.run.paths.ledger, "utf8");
  const name = "runs/digits/dev/sweep/ledger.jsonl";
  const found = await place.read(name);
  assert.ok(found !== null && found !== "unchanged");
  await place.replace(name, found.content.replace('"lambda"', '"lambdb"'), found.version);
  await assert.rejects(b.shared.fetch(b.run), (error) => error instanceof UserError && error.code === "ledger-broken");
  assert.equal(readFileSync(b.run.paths.ledger, "utf8"), before);
});

test("a shared ledger that somebody took back to an older state is brought forward again", async (context) => {
  const { a, place } = await pair(context);
  await a.shared.share(a.run);
  const name = "runs/digits/dev/sweep/ledger.jsonl";
  const old = await place.read(name);
  assert.ok(old !== null && old !== "unchanged");
  a.run.append("note", { text: "newer" });
  await a.shared.share(a.run);
  const now = await place.read(name);
  assert.ok(now !== null && now !== "unchanged");
  await place.replace(name, old.content, now.version);
  assert.equal(await a.shared.share(a.run), true);
  const again = await place.read(name);
  assert.ok(again !== null && again !== "unchanged" && again.content.includes("newer"));
});

test("a local ledger that was lost comes back from the shared place", async (context) => {
  const { a } = await pair(context);
  await a.shared.share(a.run);
  rmSync(a.run.paths.ledger);
  assert.equal((await a.shared.fetch(a.run)).added, 1);
  assert.equal(a.run.entries().length, 1);
});

test("a store with runs of its own does not join a place that belongs to another", async (context) => {
  const { place } = await pair(context);
  const project = temporaryProject(context);
  const own = openCustody(project, { clock, create: true });
  own.run(run).append("run.declared", declared(own.id));
  await assert.rejects(laptop(context, place, project), (error) => error instanceof UserError && error.code === "custody-conflict");
});

test("two first checkouts at once end up as one store", async (context) => {
  const place = new FolderPlace(temporaryFolder(context));
  const [one, other] = await Promise.all([laptop(context, place), laptop(context, place)]);
  assert.equal(one.custody.id, other.custody.id);
});
