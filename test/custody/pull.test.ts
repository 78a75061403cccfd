import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, symlinkSync, utimesSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  copyPlacesOf, durableWrites, followOnce, manifestDigest, MANIFEST_BESIDE, openCustody, parseManifest, pullArtifacts, pullVerifyAndSign, recheckReceipt, RemoteUnreachable, takeManifest, tryFileLock, UserError, verifyInPlace,
  type Manifest, type PullProgress, type RunCustody,
} from "../../custody";
import { keepFormerLife } from "../../custody/artifacts/formerLife";
import { assertRoomFor } from "../../custody/artifacts/localCopy";
import { durableTier, state, type DurableTier } from "./durableTier";
import { LocalRemote } from "./localRemote";
import { clockAt, declared, declaredRun, NOW, safetensors, temporaryFolder, temporaryProject, writeFiles } from "./support";

interface Scene {
  readonly tier: DurableTier;
  readonly remote: LocalRemote;
  readonly run: RunCustody;
  readonly target: string;
  readonly manifest: Manifest;
}

const clock = clockAt(NOW);

async function scene(context: TestContext, change: (tier: DurableTier) => void = () => undefined): Promise<Scene> {
  const tier = durableTier(temporaryFolder(context));
  change(tier);
  const { run } = declaredRun(context, clock);
  const remote = new LocalRemote();
  return { tier, remote, run, target: run.paths.pulled, manifest: await takeManifest(remote, { ...tier.options, clock }) };
}

const kinds = (run: RunCustody): string[] => run.entries().map((entry) => entry.kind);
const stale = (target: string): string[] => readdirSync(target).filter((name) => name.startsWith(".stale-"));

const here = copyPlacesOf({}, hostname());

test("a pulled run is whole, loads, and is signed for; the ledger has each step", async (context) => {
  const { remote, run, target, manifest } = await scene(context);
  const seen: PullProgress[] = [];
  const { receipt, result } = await pullVerifyAndSign(run, remote, manifest, { clock, onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(result.problems, []);
  assert.equal(receipt.trusted, true);
  assert.deepEqual({ ...receipt.content, id: "" }, {
    v: 1, id: "", run: run.ref, manifestSha256: manifestDigest(manifest), how: "pulled", place: { host: hostname(), directory: target }, files: 7, bytes: 222,
    loaded: [
      { path: "cells/a/checkpoints/step-10.safetensors", format: "safetensors", tensors: 1 }, { path: "cells/a/metrics.json", format: "json" },
      { path: "cells/b/checkpoints/step-10.safetensors", format: "safetensors", tensors: 1 }, { path: "cells/b/metrics.json", format: "json" },
    ],
    notLoaded: [], cells: manifest.cells, at: NOW,
  });
  assert.deepEqual(kinds(run), ["run.declared", "manifest.taken", "pull.finished", "receipt.signed"]);
  assert.deepEqual(parseManifest(readFileSync(join(target, MANIFEST_BESIDE), "utf8"), "beside"), manifest);
  assert.deepEqual(run.newestManifest(), manifest);
  assert.deepEqual([...new Set(seen.map((progress) => progress.phase))], ["manifest", "transfer", "verify"]);
  assert.deepEqual(seen.at(-1), { phase: "verify", bytesDone: 222, bytesTotal: 222, filesDone: 7, filesTotal: 7 });
  assert.equal(await recheckReceipt(receipt.content, manifest, here), "matches");
});

test("pulling again transfers nothing anew and signs anew", async (context) => {
  const { remote, run, target, manifest } = await scene(context);
  await pullVerifyAndSign(run, remote, manifest, { clock });
  const before = statSync(join(target, "cells/a/metrics.json")).ino;
  await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.equal(statSync(join(target, "cells/a/metrics.json")).ino, before);
  assert.equal(run.receipts().length, 2);
  assert.deepEqual(stale(target), []);
});

test("a transfer that is cut leaves no receipt, and the next one goes on from there", async (context) => {
  const { remote, run, target, manifest } = await scene(context);
  let cuts = 0;
  remote.beforePull = () => {
    if (cuts++ > 0) return;
    writeFiles(target, { "cells/a/checkpoints/.holdfast-partial/step-10.safetensors": "the first half" });
    throw new RemoteUnreachable(remote.description, "connection reset");
  };
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock }), RemoteUnreachable);
  assert.deepEqual(run.receipts(), []);
  assert.ok(existsSync(join(target, "cells/a/checkpoints/.holdfast-partial/step-10.safetensors")), "what arrived is kept for the next try");
  await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.deepEqual(stale(target), []);
  assert.equal(run.receipts().length, 1);
});

for (const [what, spoil, code, pattern] of [
  ["an artifact that changed since the manifest", ({ directory }: DurableTier) => { writeFiles(directory, { "cells/a/metrics.json": '{"loss": 0.6}\n' }); }, "sha256", /cells\/a\/metrics\.json: Its content is not what the manifest names: it changed on the durable tier since, or was damaged there\. \(sha256\)/],
  ["an artifact that grew since the manifest", ({ directory }: DurableTier) => { writeFiles(directory, { "logs/queue.log": "started\nended\nstarted\n" }); }, "size", /logs\/queue\.log: It has 22 bytes; the manifest says 14\. \(size\)/],
] as const) {
  test(`${what} is named, in the error and in the ledger, and there is no receipt`, async (context) => {
    const { tier, remote, run, target, manifest } = await scene(context);
    spoil(tier);
    await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock }), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, "verify-failed");
      assert.match(error.message, /^digits\/dev\/sweep was read but not proven: one of its files is not whole or does not load, so there is no receipt\.\n/);
      assert.match(error.message, pattern);
      assert.deepEqual(error.next, ["holdfast pull digits/dev/sweep"]);
      return true;
    });
    assert.deepEqual(run.view().lastVerifyFailure?.problems.map((problem) => problem.code), [code]);
    assert.deepEqual(run.receipts(), []);
    assert.equal(existsSync(join(target, MANIFEST_BESIDE)), false);
  });
}

test("a checkpoint that does not load is no copy, however well its bytes match", async (context) => {
  const { remote, run, manifest } = await scene(context, ({ directory }) => { writeFiles(directory, { "cells/b/checkpoints/step-10.safetensors": safetensors([1, 2, 3]).subarray(0, 70) }); });
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock }), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /cells\/b\/checkpoints\/step-10\.safetensors: /);
    assert.deepEqual(error.next, ["holdfast pull digits/dev/sweep --partial b (gives these cells up: their files are kept, but need not load)"]);
    return true;
  });
  const { receipt } = await pullVerifyAndSign(run, remote, manifest, { clock, giveUp: ["b"] });
  assert.deepEqual(receipt.content.notLoaded.map(({ path, cell }) => [path, cell]), [["cells/b/checkpoints/step-10.safetensors", "b"]]);
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock, giveUp: ["a"] }), UserError);
});

test("giving a cell up does not excuse bytes that did not arrive", async (context) => {
  const { tier, remote, run, manifest } = await scene(context);
  writeFiles(tier.directory, { "cells/b/metrics.json": "{}" });
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock, giveUp: ["b"] }), (error: unknown) => error instanceof UserError && error.code === "verify-failed");
});

test("NaN in a checkpoint is found", async (context) => {
  const { remote, run, manifest } = await scene(context, ({ directory }) => { writeFiles(directory, { "cells/a/checkpoints/step-10.safetensors": safetensors([1, Number.NaN]) }); });
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock }), /cells\/a\/checkpoints\/step-10\.safetensors: .*\(non-finite\)/);
});

test("a local file with the right size and time but other bytes is fetched again, and kept aside", async (context) => {
  const { tier, remote, run, target, manifest } = await scene(context);
  await pullVerifyAndSign(run, remote, manifest, { clock });
  const path = join(target, "cells/a/metrics.json");
  const source = statSync(join(tier.directory, "cells/a/metrics.json"));
  writeFileSync(path, '{"loss": 0.9}\n');
  utimesSync(path, source.atime, source.mtime);
  const { receipt } = await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.equal(readFileSync(path, "utf8"), '{"loss": 0.5}\n');
  assert.equal(await recheckReceipt(receipt.content, manifest, here), "matches");
  assert.equal(readFileSync(join(target, stale(target)[0] ?? "", "cells/a/metrics.json"), "utf8"), '{"loss": 0.9}\n');
});

test("what the manifest does not name is moved aside, never deleted", async (context) => {
  const { remote, run, target, manifest } = await scene(context);
  writeFiles(target, { "cells/a/notes.txt": "mine", "cells/zzz/old": "old", "logs/z.log": "z", "thesis.txt": "untouched" });
  const { result } = await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.deepEqual(stale(target), [".stale-2026-03-01T12-00-00.000Z"]);
  const aside = join(target, stale(target)[0] ?? "");
  assert.deepEqual(["cells/a/notes.txt", "cells/zzz/old", "logs/z.log"].map((path) => readFileSync(join(aside, path), "utf8")), ["mine", "old", "z"]);
  assert.equal(readFileSync(join(target, "thesis.txt"), "utf8"), "untouched");
  assert.deepEqual(result.movedAside[0]?.extra, ["cells/a/notes.txt", "cells/zzz/old", "logs/z.log"]);
});

test("an earlier good copy outlives a newer one that proves bad", async (context) => {
  const { tier, remote, run, target, manifest } = await scene(context);
  await pullVerifyAndSign(run, remote, manifest, { clock });
  writeFiles(tier.directory, { "cells/a/checkpoints/step-10.safetensors": safetensors([1, Number.NaN, 3]) });
  const later = await takeManifest(remote, { ...tier.options, clock });
  await assert.rejects(pullVerifyAndSign(run, remote, later, { clock }), UserError);
  const kept = join(target, stale(target)[0] ?? "", "cells/a/checkpoints/step-10.safetensors");
  assert.deepEqual(readFileSync(kept), safetensors([1, 2, 3]));
});

test("a run that begins anew under its name does not cost the copy of its earlier life, whose storage is gone", async (context) => {
  const time = clockAt(NOW);
  const tier = durableTier(temporaryFolder(context));
  const { custody, run } = declaredRun(context, time);
  const remote = new LocalRemote();
  const take = (): Promise<Manifest> => takeManifest(remote, { ...tier.options, clock: time });
  const beginAnew = (at: string, values: readonly number[]): void => {
    time.set(at);
    run.append("audit.closed", { billing: 0, leftovers: 0, usd: 0 });
    run.append("run.declared", declared(custody.id));
    // Other training, other files of the same names and sizes.
    writeFiles(tier.directory, { "cells/a/checkpoints/step-10.safetensors": safetensors(values) });
  };
  const checkpoint = (folder: string): Buffer => readFileSync(join(folder, "cells/a/checkpoints/step-10.safetensors"));
  const target = run.paths.pulled;
  const first = await pullVerifyAndSign(run, remote, await take(), { clock: time });
  assert.equal(first.former, null);
  beginAnew("2026-03-05T12:00:00.000Z", [7, 8, 9]);
  const second = await pullVerifyAndSign(run, remote, await take(), { clock: time });
  assert.ok(second.former !== null && second.former.startsWith(join(target, ".former-")));
  assert.deepEqual([checkpoint(second.former), checkpoint(target)], [safetensors([1, 2, 3]), safetensors([7, 8, 9])]);
  assert.equal(await recheckReceipt(second.receipt.content, run.manifest(second.receipt.content.manifestSha256), here), "matches");
  assert.equal((await pullVerifyAndSign(run, remote, await take(), { clock: time })).former, null, "it is this life's by now");
  beginAnew("2026-03-09T12:00:00.000Z", [4, 4, 4]);
  rmSync(join(tier.directory, "state/closed.json"));
  await followOnce(run, remote, tier.options, { clock: time, settleSeconds: 0, workers: 1 });
  assert.deepEqual(readdirSync(target).filter((name) => name.startsWith(".former-")).map((name) => checkpoint(join(target, name))).sort((one, other) => Buffer.compare(one, other)), [safetensors([1, 2, 3]), safetensors([7, 8, 9])].sort((one, other) => Buffer.compare(one, other)));
  assert.deepEqual(checkpoint(target), safetensors([4, 4, 4]));
});

test("a machine that is adopted in another's place does not cost the copy of that one", (context) => {
  const project = temporaryProject(context);
  const custody = openCustody(project, { clock, create: true });
  const adopted = custody.run({ project: "digits", stack: "dev", name: "by-hand" });
  const adopt = (id: string): void => {
    adopted.append("resource.created", { role: "adopted", kind: "Machine", id, name: id, details: { directory: "/out", keyFile: null } });
    adopted.append("address.changed", { instance: id, host: "192.0.2.7", port: 22, user: "me" });
  };
  adopted.append("run.declared", { run: adopted.ref, custodyId: custody.id, endpoint: { platform: "ssh", api: "none" }, plan: null, roster: [], adopted: true });
  const target = adopted.paths.pulled;
  adopt("ssh:me@192.0.2.7:22");
  assert.equal(keepFormerLife(adopted, target, clock), null);
  writeFiles(target, { "cells/adopted/last.safetensors": "the first machine's" });
  assert.equal(keepFormerLife(adopted, target, clock), null, "the same machine, again");
  adopt("ssh:me@192.0.2.8:22");
  const kept = keepFormerLife(adopted, target, clock);
  assert.ok(kept !== null);
  assert.equal(readFileSync(join(kept, "cells/adopted/last.safetensors"), "utf8"), "the first machine's");
  assert.equal(existsSync(join(target, "cells")), false);
});

test("an earlier copy is dropped only when the newer one is proven and signed for", async (context) => {
  const { tier, remote, run, target, manifest } = await scene(context);
  await pullVerifyAndSign(run, remote, manifest, { clock });
  writeFiles(tier.directory, { "cells/a/checkpoints/step-10.safetensors": safetensors([7, 8, 9]), "logs/a.log": "training a longer\n" });
  const later = await takeManifest(remote, { ...tier.options, clock });
  const { result } = await pullVerifyAndSign(run, remote, later, { clock });
  assert.deepEqual(result.movedAside.flatMap((moved) => moved.superseded), ["cells/a/checkpoints/step-10.safetensors", "logs/a.log"]);
  assert.deepEqual(stale(target), []);
});

test("a finished cell can be pulled while another trains, and touches nothing else", async (context) => {
  const { tier, remote, run, target, manifest } = await scene(context);
  await pullVerifyAndSign(run, remote, manifest, { clock });
  writeFiles(tier.directory, { "state/cells/b.json": state("b", { state: "failed", exit: 1 }), "cells/b/metrics.json": "{ half" });
  const part = await takeManifest(remote, { ...tier.options, only: ["a"], clock });
  const { receipt } = await pullVerifyAndSign(run, remote, part, { clock });
  assert.equal(receipt.content.files, 3);
  assert.deepEqual(stale(target), []);
  assert.equal(readFileSync(join(target, "cells/b/metrics.json"), "utf8"), '{"loss": 0.25}\n');
});

test("a run that writes its last lines while it is copied is copied as it is then, and not called damaged", async (context) => {
  const { remote, run, tier, manifest } = await scene(context);
  let lines = 0;
  remote.beforePull = () => { if (lines < 1) { lines += 1; appendFileSync(join(tier.directory, "logs/a.log"), "closed\n"); } };
  const takeAgain = () => takeManifest(remote, { ...tier.options, clock });
  const { receipt, manifest: copied } = await pullVerifyAndSign(run, remote, manifest, { clock, takeAgain });
  assert.notEqual(manifestDigest(copied), manifestDigest(manifest));
  assert.equal(receipt.content.manifestSha256, manifestDigest(copied));
  assert.equal(await recheckReceipt(receipt.content, copied, here), "matches");
  assert.equal(run.view().newestManifest?.manifestSha256, manifestDigest(copied));
  assert.ok(!run.entries().some(({ kind }) => kind === "verify.failed"));
});

test("a run that never stands still while it is copied, or a copy that comes out damaged, is refused after all", async (context) => {
  const { remote, run, tier, target, manifest } = await scene(context);
  let taken = 0;
  const takeAgain = () => { taken += 1; return takeManifest(remote, { ...tier.options, clock }); };
  remote.beforePull = () => { appendFileSync(join(tier.directory, "logs/a.log"), "step\n"); };
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock, takeAgain }), /logs\/a\.log: It has .* bytes; the manifest says/);
  assert.equal(taken, 2);

  remote.beforePull = () => undefined;
  const pull = remote.pull.bind(remote);
  remote.pull = async (...args) => {
    await pull(...args);
    writeFileSync(join(target, "cells/a/metrics.json"), "{");
  };
  const now = await takeManifest(remote, { ...tier.options, clock });
  await assert.rejects(pullVerifyAndSign(run, remote, now, { clock, takeAgain }), /cells\/a\/metrics\.json: It has 1 bytes/);
  assert.equal(taken, 3, "nothing went on there, so it is not asked for again and again");
  assert.deepEqual(run.receipts(), []);
});

test("two pulls into one folder do not spoil each other", async (context) => {
  const { remote, target, manifest } = await scene(context);
  mkdirSync(target, { recursive: true });
  const lock = tryFileLock(join(target, ".holdfast-pull.lock"));
  await assert.rejects(pullArtifacts(remote, manifest, target, { clock }), (error: unknown) => error instanceof UserError && error.code === "pull-running");
  lock?.release();
  assert.deepEqual((await pullArtifacts(remote, manifest, target, { clock })).problems, []);
});

test("what would not fit is told before anything moves", (context) => {
  const target = temporaryFolder(context);
  const disk = statfsSync(target);
  const bytes = disk.bavail * disk.bsize;
  const file = { path: "cells/a/huge", bytes, sha256: "a".repeat(64) };
  assert.throws(() => { assertRoomFor(target, [file]); }, (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "disk-full");
    assert.match(error.message, /^The disk under .* has [\d.]+ GiB free; the pull needs [\d.]+ GiB\. Nothing was transferred\.$/);
    return true;
  });
  assertRoomFor(target, [{ ...file, bytes: 1 }]);
});

test("a disk that fails while the receipt is signed leaves no receipt and no line about one", async (context) => {
  const { remote, run, manifest } = await scene(context);
  context.after(() => { durableWrites.beforeStep = () => undefined; });
  durableWrites.beforeStep = ({ operation, path }) => {
    if (operation === "link" && path.includes("receipts")) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  };
  await assert.rejects(pullVerifyAndSign(run, remote, manifest, { clock }), (error: unknown) => error instanceof UserError && error.code === "disk-full");
  durableWrites.beforeStep = () => undefined;
  assert.deepEqual([run.receipts(), run.evidenceProblems(), kinds(run).includes("receipt.signed")], [[], [], false]);
  assert.equal((await pullVerifyAndSign(run, remote, manifest, { clock })).receipt.trusted, true);
});

test("verified in place: loaded from a fresh read, nothing kept here, and said so", async (context) => {
  const { tier, remote, run, target, manifest } = await scene(context);
  const { receipt } = await verifyInPlace(run, remote, manifest, { clock });
  assert.deepEqual([receipt.content.how, receipt.content.place], ["verifiedInPlace", { host: remote.description, directory: tier.directory }]);
  assert.deepEqual([existsSync(target), readdirSync(join(run.dir, "tmp"))], [false, []]);
  writeFiles(tier.directory, { "cells/a/metrics.json": "{ half" });
  const spoilt = await takeManifest(remote, { ...tier.options, clock });
  await assert.rejects(verifyInPlace(run, remote, spoilt, { clock }), UserError);
  assert.deepEqual(readdirSync(join(run.dir, "tmp")), []);
});

for (const [what, spoil, expected] of [
  ["one bit changed", (target: string) => { const path = join(target, "cells/a/checkpoints/step-10.safetensors"); const bytes = readFileSync(path); bytes[80] = (bytes[80] ?? 0) ^ 1; writeFileSync(path, bytes); }, "differs"],
  ["it was cut off", (target: string) => { writeFileSync(join(target, "cells/a/metrics.json"), "{"); }, "differs"],
  ["a file was removed", (target: string) => { rmSync(join(target, "logs/b.log")); }, "missing"],
  ["all of it was moved", (target: string) => { renameSync(target, `${target}-moved`); }, "missing"],
  ["a file became a link to itself elsewhere", (target: string) => { const path = join(target, "logs/a.log"); renameSync(path, `${target}/moved`); symlinkSync(`${target}/moved`, path); }, "missing"],
  ["a folder stands where a file was", (target: string) => { rmSync(join(target, "logs/a.log")); mkdirSync(join(target, "logs/a.log")); }, "missing"],
] as const) {
  test(`a copy of which ${what} is not taken for a good one`, async (context) => {
    const { remote, run, target, manifest } = await scene(context);
    const { receipt } = await pullVerifyAndSign(run, remote, manifest, { clock });
    spoil(target);
    assert.equal(await recheckReceipt(receipt.content, manifest, here), expected);
  });
}

test("a copy on a machine that is thrown away with its job is none; in a folder that outlives it, it is one, whoever put it there", async (context) => {
  const { remote, run, target, manifest } = await scene(context);
  const { receipt } = await pullVerifyAndSign(run, remote, manifest, { clock });
  const look = (env: NodeJS.ProcessEnv, host = hostname()) => recheckReceipt(receipt.content, manifest, copyPlacesOf(env, host));
  assert.equal(await look({ CI: "false" }), "matches");
  assert.equal(await look({ CI: "true" }), "temporary");
  assert.equal(await look({ CI: "true", HOLDFAST_COPIES: dirname(target) }), "matches");
  assert.equal(await look({ CI: "true", HOLDFAST_COPIES: dirname(target) }, "runner.example.com"), "matches", "pulled on a laptop to the team's share, read on a runner");
  assert.equal(await look({ CI: "true", HOLDFAST_COPIES: `${target}-old` }), "temporary");
  assert.equal(await look({ HOLDFAST_COPIES: `${target}-old` }, "runner.example.com"), "elsewhere");
  assert.throws(() => copyPlacesOf({ HOLDFAST_COPIES: "copies" }, hostname()), /HOLDFAST_COPIES names the folder of the copies as "copies", which depends on where a command is typed/);
  writeFileSync(join(target, "cells/a/metrics.json"), "{");
  assert.equal(await look({ CI: "true", HOLDFAST_COPIES: dirname(target) }, "runner.example.com"), "differs");
});

test("a copy on another machine, or of another manifest, is not taken for this one", async (context) => {
  const { remote, run, manifest } = await scene(context);
  const { receipt } = await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.equal(await recheckReceipt(receipt.content, manifest, { ...here, host: "elsewhere.example.com" }), "elsewhere");
  assert.equal(await recheckReceipt(receipt.content, { ...manifest, files: [] }, here), "differs");
});
