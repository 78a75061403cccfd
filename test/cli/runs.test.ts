/** The command line as a person starts it, on custody stores that were prepared; no machine answers anywhere. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withProject } from "./project";

const safetensors = (value: number): Buffer => {
  const header = Buffer.from(JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.alloc(8);
  data.writeFloatLE(value, 0);
  return Buffer.concat([length, header, data]);
};
const files = {
  "cells/a/checkpoints/step-000010.safetensors": safetensors(1),
  "cells/b/checkpoints/step-000010.safetensors": safetensors(2),
  "cells/a/metrics.json": '{"test_accuracy": 0.97}',
  "logs/a.log": "epoch 1\nepoch 2\n",
};

interface ErrorJson {
  readonly error: { readonly code: string; readonly message: string; readonly next: readonly string[] };
}

test("a run whose ledger was tampered with is listed as unreadable and hides no other run", async () => {
  await withProject(async (project) => {
    project.declareRun("digits");
    const broken = project.declareRun("broken");
    writeFileSync(broken.paths.ledger, readFileSync(broken.paths.ledger, "utf8").replace('"hourlyUsd":0.5', '"hourlyUsd":0.1'));
    const listed = await project.holdfast("ls", "--json");
    assert.equal(listed.code, 0, listed.stderr);
    const { runs } = JSON.parse(listed.stdout) as { runs: { run: string; state: string; usdPerHour: number | null }[] };
    assert.deepEqual(runs.map(({ run, state, usdPerHour }) => [run, state, usdPerHour]), [["lab/dev/broken", "unreadable", null], ["lab/dev/digits", "live", 0.5]]);
    const ledger = await project.holdfast("ledger", "broken");
    assert.equal(ledger.code, 6);
    assert.match(ledger.stderr, /line 4 .*was changed after it was written/);
    const unnamed = await project.holdfast("status");
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.stderr, /2 runs are live, say which: lab\/dev\/broken \(unreadable\), lab\/dev\/digits \(live\)/);
  });
});

test("a machine that does not answer is said to, and the ledger's knowledge is shown instead", async () => {
  await withProject(async (project) => {
    project.declareRun();
    const shown = await project.holdfast("status");
    assert.equal(shown.code, 5, shown.stderr);
    assert.match(shown.stdout, /^The machine does not answer: .*127\.0\.0\.1:9/m);
    assert.match(shown.stdout, /machine +lab-digits \(i-1\)/);
    assert.match(shown.stdout, /cells +a, b/);
    const json = JSON.parse((await project.holdfast("status", "--json")).stdout) as Record<string, unknown>;
    assert.deepEqual([json["writer"], json["closed"], json["cells"], json["state"]], [null, null, [], "live"]);
  });
});

test("an approval that the gate would refuse anyway is not signed", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const before = run.entries().length;
    const refused = await project.holdfast("approve", "--confirm", "lab-digits");
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /Nothing was signed: with this approval the end of lab\/dev\/digits would still be refused/);
    assert.match(refused.stderr, /next: holdfast /);
    assert.doesNotMatch(refused.stderr, /\n\s+at /);
    const { error } = JSON.parse((await project.holdfast("approve", "--confirm", "lab-digits", "--json")).stderr) as ErrorJson;
    assert.match(error.code, /^(not-reachable|no-receipt|no-manifest|cells-unfinished)$/);
    assert.equal(run.approvals().length, 0);
    assert.equal(run.entries().slice(before).some((entry) => entry.kind === "approval.signed"), false);
  });
});

test("a machine that is gone for good is given up by an approval that says so, never by accident", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.pulledCopy(run, files);
    const silent = await project.holdfast("approve", "--confirm", "lab-digits");
    assert.equal(silent.code, 3);
    assert.match(silent.stderr, /--accept-unreachable/);
    const asked = await project.holdfast("approve", "--accept-unreachable");
    assert.equal(asked.code, 3);
    assert.match(asked.stderr, /next: holdfast approve lab\/dev\/digits --accept-unreachable --confirm lab-digits/);
    assert.equal(run.approvals().length, 0);
    const signed = await project.holdfast("approve", "--accept-unreachable", "--confirm", "lab-digits");
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stdout, /what the machine wrote since the newest manifest is lost/);
    assert.equal(run.approvals()[0]?.content.acceptUnreachable, true);
  });
});

test("break-glass asks for the name, names what is lost, and stays in the ledger", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const wrong = await project.holdfast("break-glass", "--reason", "disk is corrupt", "--expires", "1h", "--confirm", "digits");
    assert.equal(wrong.code, 3);
    assert.equal(run.breakGlass().length, 0);
    const signed = await project.holdfast("break-glass", "--reason", "disk is corrupt", "--expires", "1h", "--confirm", "lab-digits");
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stderr, /BREAK GLASS lab\/dev\/digits[\s\S]*everything on filesystem/);
    assert.deepEqual(run.breakGlass()[0]?.content.deletions.map(({ role, id, verb }) => `${verb} ${role} ${id}`), ["delete filesystem fs-1", "terminate instance i-1", "delete job job-digits", "delete sshKey key-1"]);
    assert.equal(run.breakGlass()[0]?.content.reason, "disk is corrupt");
    assert.match((await project.holdfast("ledger")).stdout, /breakglass\.signed +bgl_[0-9a-f]+: disk is corrupt/);
  });
});

test("artifacts are not said to be verified in place when no machine can read them, and the way back to one is told", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const silent = await project.holdfast("verify", "--in-place");
    assert.equal(silent.code, 5, silent.stderr);
    run.append("resource.lost", { role: "instance", id: "i-1", why: "404" });
    for (const argv of [["verify", "--in-place"], ["pull"]]) {
      const { code, stderr } = await project.holdfast(...argv, "--json");
      assert.equal(code, 4, stderr);
      const { error } = JSON.parse(stderr) as ErrorJson;
      assert.deepEqual(error.next, ["pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast audit (asks the vendor)"]);
    }
    assert.equal(run.receipts().length, 0);
    const partial = await project.holdfast("verify", "--partial", "a");
    assert.equal(partial.code, 2);
    assert.match(partial.stderr, /add: --in-place/);
  });
});

test("a copy that was changed, cut or added to since its receipt proves nothing any more", async () => {
  await withProject(async (project) => {
    const { directory } = project.pulledCopy(project.declareRun(), files);
    const good = await project.holdfast("verify");
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /0\.9700/);
    assert.match(good.stdout, /all as manifest and receipt rcp_0123456789abcdef/);
    assert.equal((await project.holdfast("verify", directory)).code, 0);

    const victim = join(directory, "cells/b/checkpoints/step-000010.safetensors");
    writeFileSync(victim, safetensors(3));
    appendFileSync(join(directory, "logs/a.log"), "x");
    writeFileSync(join(directory, "cells/a/extra.bin"), "x");
    rmSync(join(directory, "cells/a/metrics.json"));
    const bad = await project.holdfast("verify", "--json");
    assert.equal(bad.code, 6);
    const { ok, faults } = JSON.parse(bad.stdout) as { ok: boolean; faults: { path: string }[] };
    assert.equal(ok, false);
    assert.deepEqual([...new Set(faults.map(({ path }) => path))].sort(), ["cells/a/extra.bin", "cells/a/metrics.json", "cells/b/checkpoints/step-000010.safetensors", "logs/a.log"]);
  });
});

test("any folder of checkpoints can be load-checked, and it is said that nothing shows it complete", async () => {
  await withProject(async (project) => {
    project.write("found/model.safetensors", safetensors(1));
    const good = await project.holdfast("verify", "./found");
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /There is no manifest, so nothing says that it is complete/);
    project.write("found/cut.safetensors", safetensors(1).subarray(0, 20));
    assert.equal((await project.holdfast("verify", "./found")).code, 6);
    const one = await project.holdfast("verify", "found/model.safetensors");
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, /it loads\. Nothing says that it is all there is/);
    assert.equal((await project.holdfast("verify", "found/cut.safetensors")).code, 6);
    rmSync(join(project.root, "found", "cut.safetensors"));
    project.write("found/model.safetensors.index.json", JSON.stringify({ metadata: {}, weight_map: { w: "model-00001-of-00002.safetensors" } }));
    const shards = await project.holdfast("verify", "./found");
    assert.equal(shards.code, 6, "a shard that the index names is missing");
    assert.match(shards.stdout, /model-00001-of-00002\.safetensors/);
    project.write("notes/readme.txt", "nothing to load");
    assert.equal((await project.holdfast("verify", "./notes")).code, 6);
  });
});

test("logs of a run whose machine is gone come from the pulled copy", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.pulledCopy(run, files);
    project.endRun(run);
    const log = await project.holdfast("logs", "digits", "a", "-n", "1");
    assert.equal(log.code, 0, log.stderr);
    assert.equal(log.stdout, "epoch 2\n");
    assert.equal((await project.holdfast("logs", "digits", "b")).code, 4);
    assert.equal((await project.holdfast("logs", "digits", "nope")).code, 4);
  });
});

test("an ended run is listed with its cost, asks for nothing and offers no shell", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    project.pulledCopy(run, files);
    project.endRun(run);
    const listed = await project.holdfast("ls");
    assert.match(listed.stdout, /lab\/dev\/digits +ended +lambda +2\/2 +- +\$0\.00 /);
    assert.equal((await project.holdfast("ls", "--live")).code, 4);
    assert.equal((await project.holdfast("approve")).code, 4);
    assert.equal((await project.holdfast("ssh", "--", "true")).code, 4);
    assert.equal((await project.holdfast("pull")).code, 4);
  });
});

test("plan tells what the end will keep and lose before anything exists, as tables and as JSON", async () => {
  await withProject(async (project) => {
    const text = await project.holdfast("plan");
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /instance +terminate +regional file system +instance's own NVMe disk/);
    assert.match(text.stdout, /file system +delete +- +regional file system/);
    const plan = JSON.parse((await project.holdfast("plan", "--format", "json")).stdout) as { v: number; run: unknown };
    assert.deepEqual([plan.v, plan.run], [1, { project: "lab", stack: "dev", name: "digits" }]);
    assert.match(text.stdout, /^ {2}\d\d:\d\d +The run's own lease ends|^ {2}tomorrow \d\d:\d\d +The run's own lease ends/m, "a clock is a time of day");
    const narrow = await project.holdfastWith({ env: { COLUMNS: "80" } }, "plan");
    for (const line of narrow.stdout.split("\n")) assert.ok(line.length <= 80, line);
    project.write("Pulumi.prod.yaml", "config: {}\n");
    const which = await project.holdfast("plan");
    assert.equal(which.code, 2);
    assert.match(which.stderr, /next: holdfast plan --stack dev\n/);
  });
});

test("faults of the config are all told at once, without a stack", async () => {
  await withProject(async (project) => {
    project.write("Pulumi.dev.yaml", "config:\n  holdfast:platfrom: lambda\n  holdfast:budget: {maxHours: -1}\n");
    const { code, stderr } = await project.holdfast("plan");
    assert.equal(code, 2);
    assert.match(stderr, /platfrom/);
    assert.match(stderr, /maxHours/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
});

test("in a project that is no checkout of the tool, env prints exports that a shell can read", async () => {
  await withProject(async (project) => {
    const { code, stdout } = await project.holdfast("env");
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^export PULUMI_BACKEND_URL='file://${project.root}/.state'$`, "m"));
    assert.ok(existsSync(join(project.root, ".state")), "the engine wants the folder to exist");
  });
});

test("with no sandbox running its status says so and how to start it", async () => {
  await withProject(async (project) => {
    const { code, stdout } = await project.holdfast("sandbox", "status");
    assert.equal(code, 4);
    assert.match(stdout, /No sandbox runs in .*\.holdfast\/sandbox\.\n {2}next: holdfast sandbox start/);
  });
});

test("commands work from a folder below the project", async () => {
  await withProject(async (project) => {
    project.declareRun();
    const listed = await project.holdfastWith({ cwd: join(project.root, "job") }, "ls");
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /lab\/dev\/digits/);
  });
});

test("asking for help loads no profile, provider, sandbox or store, so that it answers at once", async () => {
  await withProject(async (project) => {
    const outcome = await project.loadedModules("--help");
    assert.equal(outcome.code, 0, outcome.stderr);
    const heavy = outcome.loaded.filter((path) => /\/(profiles|providers|sandbox)\/|custody\/(index|store|verify)|node_modules\/(zod|yaml|listr2|execa|fastify|undici)\//.test(path));
    assert.deepEqual(heavy, []);
  });
});
