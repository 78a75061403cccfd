/** The box that somebody rented by hand, whose checkpoints were never copied: read and proven like a run, and never touched. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openSandbox, registerKey, ssh } from "../sandbox/fixture.js";
import { declarePlan } from "../../providers/declare";
import { savePlan } from "../../providers/planStore";
import { planOfStack } from "../../cli/runs/stackPlan";
import { PrivateSshd } from "../integration/ssh/sshd";
import { npy } from "../custody/verify/forge";
import type { TestProject } from "./project";
import { withProject } from "./project";

/** A machine with a user's home, reached through a real sshd, and a folder on it in which somebody trains. */
interface Box {
  readonly sshd: PrivateSshd;
  readonly address: string;
  readonly out: string;
  readonly adopt: (...more: readonly string[]) => ReturnType<TestProject["holdfast"]>;
}

async function withBox(body: (project: TestProject, box: Box) => Promise<void>): Promise<void> {
  await withProject(async (project) => {
    const home = join(project.root, "machine", "home");
    const out = join(home, "out");
    mkdirSync(join(out, "sub dir"), { recursive: true });
    writeFileSync(join(out, "weights-2.npy"), npy("'<f8'", "(2,)", Buffer.alloc(16)));
    writeFileSync(join(out, "sub dir", "log.txt"), "epoch 1\n");
    const sshd = await PrivateSshd.start({ home });
    const { host, port, user, keyPath } = sshd.target;
    const address = `${user}@${host}:${port}`;
    try {
      await body(project, { sshd, address, out, adopt: (...more) => project.holdfast("adopt", "--ssh", address, "--artifacts", out, "--name", "by-hand", "--key", keyPath, ...more) });
    } finally {
      sshd.cut();
      await sshd.close();
    }
  });
}

test("an instance that somebody launched by hand is found at its vendor, copied, proven and priced, and nothing here can end it", async (t) => {
  const sandbox = await openSandbox(t);
  const key = await registerKey(t, sandbox);
  const instance = await sandbox.launchAndWait({ name: "by-hand" });
  await ssh(sandbox, key, instance.ip, `mkdir -p out/checkpoints && cd out/checkpoints && /usr/bin/python3 -c 'import numpy; numpy.save("weights-2.npy", numpy.ones(8))' && echo 'lr: 0.1' > ../notes.txt`);
  await withProject(async (project) => {
    const holdfast = (...args: string[]): ReturnType<TestProject["holdfast"]> => project.holdfastWith({ env: { HOLDFAST_SANDBOX_DIR: sandbox.dir } }, ...args);
    const asked = (await sandbox.requests()).length;

    const unknown = await holdfast("adopt", "--instance", "0".repeat(32), "--artifacts", "/home/ubuntu/out", "--name", "box", "--key", key.file);
    assert.equal(unknown.code, 4, unknown.stderr);
    assert.match(unknown.stderr, new RegExp(`no instance has the id or name "0{32}"\\. It holds:\\n +- ${instance.id} +by-hand, active`));
    assert.deepEqual(project.custody.runs(), [], "nothing is recorded of what was not found");

    const adopted = await holdfast("adopt", "--instance", instance.id, "--artifacts", "/home/ubuntu/out", "--name", "box", "--key", key.file);
    assert.equal(adopted.code, 0, adopted.stderr);
    assert.match(adopted.stdout, new RegExp(`Adopted, to be read only: lab/dev/box is by-hand at ubuntu@${instance.ip}:\\d+ \\(lambda, \\$0\\.20 per hour\\)`));
    assert.match(adopted.stdout, /\/home\/ubuntu\/out: 2 files/);
    assert.match(adopted.stdout, /host key SHA256:\S+, recorded at first contact/);
    assert.match(adopted.stdout, /next: holdfast pull lab\/dev\/box/);
    const again = await holdfast("adopt", "--instance", "by-hand", "--artifacts", "/home/ubuntu/out", "--name", "box", "--key", key.file, "--json");
    assert.equal((JSON.parse(again.stdout) as { outcome: string }).outcome, "known");

    const status = await holdfast("status", "box");
    assert.equal(status.code, 0, status.stdout + status.stderr);
    assert.match(status.stdout, /lab\/dev\/box {2}adopted, read only[^]*\/home\/ubuntu\/out: 2 files[^]*receipts +none: nothing of it was pulled[^]*\$0\.20 per hour/);
    assert.match((await holdfast("ls")).stdout, /box.* adopted /);

    const pulled = await holdfast("pull", "box");
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.match(pulled.stdout, /2 files, .*1 file loaded[^]*Receipt rcp_\w+: 2 files[^]*nobody here knows/);
    const run = project.custody.run({ project: "lab", stack: "dev", name: "box" });
    assert.equal(readFileSync(join(run.paths.pulled, "cells", "adopted", "notes.txt"), "utf8"), "lr: 0.1\n");
    const [receipt] = run.receipts();
    assert.equal(receipt?.trusted, true);
    assert.deepEqual(receipt.content.loaded.map(({ path }) => path), ["cells/adopted/checkpoints/weights-2.npy"]);
    const verified = await holdfast("verify", "box");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);

    const audit = await holdfast("audit");
    assert.equal(audit.code, 0, audit.stdout);
    assert.match(audit.stdout, /lab\/dev\/box +adopted +instance +by-hand .*\$0\.20[^]*was adopted, not made by Holdfast, which ends nothing of it/);

    for (const line of [["approve", "box", "--confirm", "by-hand"], ["approve", "box", "--standing", "--confirm", "by-hand"], ["break-glass", "box", "--reason", "now", "--expires", "1h", "--confirm", "by-hand"]]) {
      const refused = await holdfast(...line);
      assert.equal(refused.code, 3, refused.stdout + refused.stderr);
      assert.match(refused.stderr, /was adopted to be read: Holdfast did not make its machine[^]*next: end the machine where it was made/);
    }
    // A program that would take the run's name makes nothing, and takes nothing over.
    const { plan } = planOfStack(project.root, { stack: "dev" });
    assert.throws(() => { declarePlan(run, { binding: { custodyId: project.custody.id, ...run.ref, run: "box" }, endpoint: run.view().endpoint, planSha256: savePlan(run, { ...plan, run: run.ref }) }); }, { code: "adopted" });
    assert.equal((await holdfast("keeper", "--once")).code, 0);

    const verbs = (await sandbox.requests()).slice(asked).map(({ method }) => method);
    assert.ok(verbs.length > 0 && verbs.every((method) => method === "GET"), `the vendor was only asked: ${[...new Set(verbs)].join(", ")}`);
    assert.equal((await sandbox.list("/instances"))[0]?.status, "active");
    const kinds = new Set(run.entries().map(({ kind }) => kind));
    for (const kind of ["approval.signed", "grant.sealed", "intent.opened", "job.started"] as const) assert.ok(!kinds.has(kind), kind);

    // Whoever made it ends it: the next audit sees that, and it costs no more.
    await sandbox.terminate(instance.id);
    await sandbox.until(instance.id, "404");
    const after = await holdfast("audit");
    assert.equal(after.code, 0, after.stdout + after.stderr);
    assert.match(after.stdout, /Nothing bills for this project's runs/);
    assert.equal(run.view().live.length, 0);
    assert.match((await holdfast("ls")).stdout, /box.* ended /);
  });
});

test("a machine of any vendor is copied by its address alone, again and again, and released without a word to it", async () => {
  await withBox(async (project, { out, address, adopt }) => {
    mkdirSync(join(project.root, "elsewhere"));
    writeFileSync(join(project.root, "elsewhere", "best.npy"), "x");
    symlinkSync(join(project.root, "elsewhere"), join(out, "best"));
    symlinkSync("weights-2.npy", join(out, "latest.npy"));
    const before = readdirSync(out).sort();
    const adopted = await adopt();
    assert.equal(adopted.code, 0, adopted.stderr);
    assert.match(adopted.stdout, /price not known[^]*What these links name lies outside of the folder and is not copied with it: best -> .*elsewhere\. Adopt that folder too/);
    const first = await project.holdfast("pull", "by-hand", "--to", "copy", "--json");
    assert.equal(first.code, 0, first.stderr);
    appendFileSync(join(out, "sub dir", "log.txt"), "epoch 2\n");
    // Somebody trains while it is read: every hashing is followed by one more line.
    const tools = join(project.root, "machine", "home", "bin");
    mkdirSync(tools);
    writeFileSync(join(tools, "sha256sum"), `#!/bin/sh\nPATH=/usr/bin:/bin sha256sum "$@"\necho more >>'${out}/train.log'\n`, { mode: 0o755 });
    const during = await project.holdfast("pull", "by-hand", "--to", "copy");
    assert.equal(during.code, 0, during.stderr);
    assert.match(during.stdout, /Not in it, since somebody wrote while they were read: train\.log\./);
    assert.match((await project.holdfast("ledger", "by-hand")).stdout, /left out of manifest \w+, being written: train\.log/);
    rmSync(tools, { recursive: true });
    rmSync(join(out, "train.log"));
    const second = await project.holdfast("pull", "by-hand", "--to", "copy");
    assert.equal(second.code, 0, second.stderr);
    assert.equal(readFileSync(join(project.root, "copy/cells/adopted/sub dir/log.txt"), "utf8"), "epoch 1\nepoch 2\n");
    assert.deepEqual(readdirSync(out).sort(), before, "nothing was written into the folder");
    const run = project.custody.run({ project: "lab", stack: "dev", name: "by-hand" });
    assert.equal(run.receipts().length, 3);
    for (const line of [["pull", "by-hand", "--follow"], ["retry", "a", "by-hand"], ["cancel", "by-hand"], ["rescue", "by-hand"]]) {
      const refused = await project.holdfast(...line);
      assert.equal(refused.code, 3, `${line.join(" ")}: ${refused.stdout}${refused.stderr}`);
      assert.match(refused.stderr, /was adopted to be read/);
    }
    assert.match((await project.holdfast("audit")).stdout, /adopted +machine .*nobody can be asked whether it still stands/s);

    const released = await project.holdfast("adopt", "--release", "by-hand");
    assert.equal(released.code, 0, released.stderr);
    assert.match(released.stdout, new RegExp(`Nobody looks at ${address} any more\\. It stands, and bills, as before`));
    const gone = await project.holdfast("pull", "by-hand");
    assert.equal(gone.code, 4);
    assert.match(gone.stderr, /next: holdfast verify lab\/dev\/by-hand \(the copy of/);
    assert.equal((await adopt()).code, 0, "it can be adopted again");
    assert.equal((await project.holdfast("pull", "by-hand", "--to", "copy")).code, 0);
  });
});

test("a checkpoint that was cut on the machine itself gets no receipt, unless a person gives it up by name", async () => {
  await withBox(async (project, { out, adopt }) => {
    writeFileSync(join(out, "weights-3.npy"), readFileSync(join(out, "weights-2.npy")).subarray(0, 100));
    assert.equal((await adopt()).code, 0);
    const failed = await project.holdfast("pull", "by-hand");
    assert.equal(failed.code, 6, failed.stdout);
    assert.match(failed.stderr, /cells\/adopted\/weights-3\.npy[^]*next: holdfast pull lab\/dev\/by-hand --partial adopted/);
    const run = project.custody.run({ project: "lab", stack: "dev", name: "by-hand" });
    assert.equal(run.receipts().length, 0);
    const given = await project.holdfast("pull", "by-hand", "--partial", "adopted");
    assert.equal(given.code, 0, given.stderr);
    assert.match(given.stdout, /1 file given up/);
    assert.deepEqual(run.receipts()[0]?.content.notLoaded.map(({ path }) => path), ["cells/adopted/weights-3.npy"]);
  });
});

test("what cannot be read is told before anything is recorded: no folder, no key, no such machine, another machine behind the address", async () => {
  await withBox(async (project, { sshd, out, address, adopt }) => {
    const { keyPath } = sshd.target;
    const tried = async (...args: readonly string[]): Promise<string> => {
      const outcome = await project.holdfast("adopt", ...args);
      assert.notEqual(outcome.code, 0, outcome.stdout);
      return `${outcome.code} ${outcome.stderr}`;
    };
    const named = ["--artifacts", out, "--name", "by-hand", "--key", keyPath];
    assert.match(await tried("--ssh", address, "--artifacts", `${out}/nowhere`, "--name", "by-hand", "--key", keyPath), /^4 .*There is no folder .*nowhere on .* that this user can enter/);
    assert.match(await tried("--ssh", address, "--artifacts", join(out, ".."), "--name", "by-hand", "--key", keyPath), /^2 .*the whole home folder, with its keys and caches/);
    assert.match(await tried("--ssh", address, "--artifacts", "out", "--name", "by-hand"), /^2 .*must be an absolute path/);
    assert.match(await tried("--ssh", address, ...named.slice(0, 4), "--key", "nowhere"), /^4 .*There is no key file/);
    assert.match(await tried("--ssh", "nobody", ...named), /^2 .*--ssh is "nobody"; it must be user@host/);
    assert.match(await tried("--ssh", "me@127.0.0.1:9", ...named), /^5 .*does not answer/);
    assert.match(await tried(...named), /^2 .*Say which machine/);
    assert.deepEqual(project.custody.runs(), []);

    project.declareRun("digits");
    assert.match(await tried("--ssh", address, "--artifacts", out, "--name", "digits", "--key", keyPath), /^3 .*lab\/dev\/digits is a run that Holdfast made/);

    assert.equal((await adopt()).code, 0);
    assert.match(await tried("--ssh", address, "--artifacts", out, "--name", "another", "--key", keyPath), /^3 .*already known as adopted in lab\/dev\/by-hand/);
    rmSync(out, { recursive: true });
    const missing = await project.holdfast("pull", "by-hand");
    assert.match(`${missing.code} ${missing.stderr}`, /^4 .*is not there any more/s);
    sshd.cut();
    await sshd.replaceHostKey();
    const other = await project.holdfast("pull", "by-hand");
    assert.match(`${other.code} ${other.stderr}`, /^3 .*its host key is not the one recorded at first contact/s);
    assert.equal(existsSync(project.custody.run({ project: "lab", stack: "dev", name: "by-hand" }).paths.pulled), false);
  });
});
