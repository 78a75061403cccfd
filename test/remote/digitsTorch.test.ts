/** The example in PyTorch: killed and resumed it ends as if nothing had happened, and its checkpoints are data, not code. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { kill, projectRoot, until } from "./rig";

const example = join(projectRoot, "examples", "digits-torch");
/** HOLDFAST_TORCH_PYTHON: an interpreter that has torch, where the usual ones have none. */
const python = [process.env["HOLDFAST_TORCH_PYTHON"], "/usr/bin/python3", "python3"].find((candidate) => candidate !== undefined && spawnSync(candidate, ["-c", "import torch"]).status === 0);
const skip = python === undefined ? "torch is not installed (HOLDFAST_TORCH_PYTHON names an interpreter that has it)" : false;
const children: ChildProcess[] = [];
const folders: string[] = [];

after(() => {
  for (const child of children) if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) kill(child.pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "digits-torch-"));
  folders.push(folder);
  return folder;
}

interface Trainer {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; output: string }>;
}

function train(folder: string, ...args: string[]): Trainer {
  const child = spawn(python ?? "", [join(example, "train.py"), "--epochs", "4", "--checkpoint-every-steps", "7", ...args], {
    env: { ...process.env, HOLDFAST_OUTPUT_DIR: folder, HOLDFAST_CHECKPOINT_DIR: join(folder, "checkpoints"), PYTHONDONTWRITEBYTECODE: "1", OMP_NUM_THREADS: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  return { child, ended: new Promise((resolve) => child.once("close", (code) => { resolve({ code, output }); })) };
}

const steps = (folder: string): string[] => (existsSync(join(folder, "checkpoints")) ? readdirSync(join(folder, "checkpoints")).filter((name) => /^step-\d+\.pt$/.test(name)).sort() : []);
const rows = (folder: string): Record<string, number>[] => readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>);

/** Everything that must not depend on how often it was killed: metrics without the time of day, and the sum of all weights' bytes. */
function results(folder: string): unknown {
  const script = `
import hashlib, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
digest = hashlib.sha256()
for name, value in sorted(state["model"].items()): digest.update(name.encode() + value.numpy().tobytes())
print(digest.hexdigest(), state["at"]["step"], state["schedule"]["last_epoch"], state["optimizer"]["param_groups"][0]["lr"])`;
  const last = steps(folder).at(-1) ?? "";
  const { stdout, stderr } = spawnSync(python ?? "", ["-c", script, join(folder, "checkpoints", last)], { encoding: "utf8" });
  assert.match(stdout, /^[0-9a-f]{64} /, stderr);
  return { weights: stdout, metrics: readFileSync(join(folder, "metrics.json"), "utf8"), rows: rows(folder).map(({ time: _time, ...row }) => row) };
}

test("both examples save in the same way", () => {
  assert.equal(readFileSync(join(example, "holdfast_checkpoint.py"), "utf8"), readFileSync(join(projectRoot, "examples", "digits", "holdfast_checkpoint.py"), "utf8"));
});

test("a PyTorch run that was killed twice, once on top of a damaged checkpoint, ends with the same weights and curves", { skip }, async () => {
  const [straight, killed] = [newFolder(), newFolder()];
  assert.equal((await train(straight).ended).code, 0);
  for (const enough of [3, 9]) {
    const trainer = train(killed, "--step-delay", "0.01");
    await until("some checkpoints", () => steps(killed).some((name) => Number(name.slice(5, -3)) >= enough * 7));
    trainer.child.kill("SIGKILL");
    await trainer.ended;
  }
  const newest = join(killed, "checkpoints", steps(killed).at(-1) ?? "");
  truncateSync(newest, 1000);
  const { code, output } = await train(killed).ended;
  assert.equal(code, 0, output);
  assert.match(output, /^skipping .*step-\d+\.pt/m);
  assert.match(output, /^resuming at step \d+/m);
  assert.deepEqual(results(killed), results(straight));
  const [row] = rows(straight);
  assert.ok(row !== undefined && ["step", "time", "train_loss", "validation_accuracy"].every((name) => Number.isFinite(row[name])));
});

test("checkpoints that no longer load are not trained over from the start", { skip }, async () => {
  const folder = newFolder();
  assert.equal((await train(folder, "--epochs", "1").ended).code, 0);
  const before = steps(folder);
  // Another model than the one that was saved.
  const { code, output } = await train(folder, "--hidden", "32").ended;
  assert.equal(code, 1, output);
  assert.match(output, /none of the 2 checkpoints in .* loads; move them away to start over/);
  assert.deepEqual(steps(folder), before);
});

test("a PyTorch run that is asked to end saves the step it is at and says so by its exit code", { skip }, async () => {
  const folder = newFolder();
  const trainer = train(folder, "--step-delay", "0.02", "--checkpoint-every-steps", "1000000");
  await until("an epoch", () => existsSync(join(folder, "metrics.jsonl")));
  trainer.child.kill("SIGTERM");
  const { code, output } = await trainer.ended;
  assert.equal(code, 143, output);
  const saved = /asked to end: saved step (\d+)/.exec(output)?.[1];
  assert.deepEqual(steps(folder), [`step-${String(saved).padStart(6, "0")}.pt`]);
});

test("what PyTorch saved is proven to load without running any of it", { skip }, async () => {
  const folder = newFolder();
  assert.equal((await train(folder, "--epochs", "1").ended).code, 0);
  const verify = spawnSync(process.execPath, [join(projectRoot, "dist", "cli", "main.js"), "verify", folder], { encoding: "utf8" });
  assert.equal(verify.status, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /best\.pt\s+torch-zip .*yes/);
});
