/** The example trainer: it learns, and a run that was killed ends with the same bytes as one that was not. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { kill, projectRoot, underEachShell, until } from "./rig";

const example = join(projectRoot, "examples", "digits");
const python = ["/usr/bin/python3", "python3", "python"].find((candidate) => spawnSync(candidate, ["-c", "import numpy"]).status === 0);
const children: ChildProcess[] = [];
const folders: string[] = [];

after(() => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "digits-"));
  folders.push(folder);
  return folder;
}

interface Trainer {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string }>;
}

function train(folder: string, args: readonly string[]): Trainer {
  assert.ok(python, "No Python with numpy was found. Install it: apt-get install python3-numpy");
  const child = spawn(python, [join(example, "train.py"), ...args], {
    env: {
      ...process.env, HOLDFAST_OUTPUT_DIR: folder, HOLDFAST_CHECKPOINT_DIR: join(folder, "checkpoints"), HOLDFAST_CHECKPOINT_EVERY_SECONDS: "0.05", PYTHONDONTWRITEBYTECODE: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  return { child, ended: new Promise((resolve) => child.once("close", (code, signal) => { resolve({ code, signal, output }); })) };
}

const checkpoints = (folder: string): string[] => (existsSync(join(folder, "checkpoints")) ? readdirSync(join(folder, "checkpoints")).sort() : []);
const newestStep = (folder: string): number => Math.max(0, ...checkpoints(folder).flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? []).map(Number));
const metrics = (folder: string): { test_accuracy: number; train_loss: number; steps: number } => JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8")) as { test_accuracy: number; train_loss: number; steps: number };
const resumes = (folder: string): number[] => (JSON.parse(readFileSync(join(folder, "resumes.json"), "utf8")) as { resumed_from: number[] }).resumed_from;

/** What must not depend on how the run went: all results, by hash. */
function results(folder: string): Record<string, string> {
  const last = `step-${String(metrics(folder).steps).padStart(6, "0")}`;
  return Object.fromEntries(["metrics.json", "metrics.jsonl", "checkpoints/best.safetensors", `checkpoints/${last}.safetensors`, `checkpoints/${last}.npz`].map((path) => [path, createHash("sha256").update(readFileSync(join(folder, path))).digest("hex")]));
}

const short = ["--epochs", "6", "--lr", "0.05"];

async function uninterrupted(args: readonly string[]): Promise<string> {
  const folder = newFolder();
  const { code, output } = await train(folder, args).ended;
  assert.equal(code, 0, output);
  return folder;
}

describe("digits", { concurrency: 2 }, () => {
  for (const lr of ["0.01", "0.05", "0.2"]) {
    test(`the roster's learning rate ${lr} reaches an accuracy above 0.9 on images it never saw`, async (t) => {
      const folder = await uninterrupted(["--epochs", "30", "--lr", lr]);
      const { test_accuracy, train_loss, steps } = metrics(folder);
      t.diagnostic(`lr ${lr}: test accuracy ${test_accuracy}, train loss ${train_loss}, ${steps} steps`);
      assert.ok(test_accuracy > 0.9, String(test_accuracy));
      assert.equal(steps, 1140);
      assert.deepEqual(resumes(folder), []);
      assert.equal(readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n").length, 30);
    });
  }

  test("a run killed again and again ends with the bytes of one that was left alone", async () => {
    const expected = results(await uninterrupted(short));
    const folder = newFolder();
    let kills = 0;
    for (let progress = 0; !existsSync(join(folder, "metrics.json")); ) {
      const { child, ended } = train(folder, [...short, "--step-delay", "0.004"]);
      const from = progress;
      // Killed at the first step seen beyond a moving mark: in epochs, between them, while a checkpoint is written.
      await until("some progress", () => child.exitCode !== null || newestStep(folder) > from + 20);
      progress = newestStep(folder);
      if (child.exitCode === null) kills += child.kill("SIGKILL") ? 1 : 0;
      await ended;
    }
    assert.ok(kills >= 3, `${kills} kills`);
    assert.ok(resumes(folder).length >= 3);
    assert.deepEqual(results(folder), expected);
  });

  test("a run stopped by SIGTERM saves its step, says 143, and resumes to the same bytes", async () => {
    const expected = results(await uninterrupted(short));
    const folder = newFolder();
    const { child, ended } = train(folder, [...short, "--step-delay", "0.02", "--checkpoint-every-steps", "1000000"]);
    await until("the first epoch", () => existsSync(join(folder, "metrics.jsonl")) && readFileSync(join(folder, "metrics.jsonl"), "utf8").includes("\n"));
    child.kill("SIGTERM");
    const { code, output } = await ended;
    assert.equal(code, 143, output);
    const step = newestStep(folder);
    assert.ok(step >= 38);
    assert.equal((await train(folder, short).ended).code, 0);
    assert.deepEqual(resumes(folder), [step]);
    assert.deepEqual(results(folder), expected);
  });

  underEachShell("a cell of the queue killed twice ends with the bytes of one that was left alone", async (rig) => {
    const expected = results(await uninterrupted(short));
    assert.ok(python);
    rig.breakGpu();
    cpSync(example, rig.code, { recursive: true });
    rig.writeSpec({ "lr-0.05": { command: `${python} train.py ${short.join(" ")} --step-delay 0.004\n` } }, { limits: { checkpoint_every_seconds: "0.05" } });
    const queue = rig.queue();
    const folder = rig.inRun("cells", "lr-0.05");
    for (const [attempt, step] of [[1, 30], [2, 120]] as const) {
      await until(`step ${step}`, () => newestStep(folder) > step && rig.cell("lr-0.05").attempt === attempt && rig.cell("lr-0.05").pgid !== null);
      kill(-(rig.cell("lr-0.05").pgid ?? 0));
      await until("the next attempt", () => rig.cell("lr-0.05").attempt > attempt);
    }
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual([rig.cell("lr-0.05").state, rig.cell("lr-0.05").attempt, resumes(folder).length], ["complete", 3, 2]);
    assert.deepEqual(results(folder), expected);
  });

  test("every kind of damage to the newest checkpoint costs steps, not the run", async () => {
    const expected = results(await uninterrupted(short));
    const stopped = newFolder();
    const first = train(stopped, [...short, "--checkpoint-every-steps", "10", "--keep", "3", "--step-delay", "0.005"]);
    await until("several checkpoints", () => newestStep(stopped) >= 60);
    first.child.kill("SIGKILL");
    await first.ended;
    const [newest, before] = checkpoints(stopped).filter((name) => /^step-\d+\.safetensors$/.test(name)).sort().reverse();
    assert.ok(newest !== undefined && before !== undefined);
    const path = (folder: string, name: string): string => join(folder, "checkpoints", name);
    const state = newest.replace(".safetensors", ".npz");
    const damages: Record<string, (folder: string) => void> = {
      "no state": (folder) => { rmSync(path(folder, state)); },
      "cut weights": (folder) => { truncateSync(path(folder, newest), 1000); },
      "empty state": (folder) => { truncateSync(path(folder, state), 0); },
      "cut state": (folder) => { truncateSync(path(folder, state), 20_000); },
      "weights of another step": (folder) => { cpSync(path(folder, before), path(folder, newest)); },
      "not a checkpoint at all": (folder) => { writeFileSync(path(folder, newest), "not found"); },
      "an unfinished write": (folder) => { writeFileSync(path(folder, "step-999999.safetensors.77.tmp"), "half"); },
    };
    for (const [name, damage] of Object.entries(damages)) {
      const folder = newFolder();
      cpSync(stopped, folder, { recursive: true });
      damage(folder);
      const { code, output } = await train(folder, short).ended;
      assert.equal(code, 0, `${name}: ${output}`);
      const usable: string = name === "an unfinished write" ? newest : before;
      assert.deepEqual(resumes(folder).slice(-1), [Number(/\d+/.exec(usable)?.[0])], name);
      assert.deepEqual(results(folder), expected, name);
      assert.deepEqual(checkpoints(folder).filter((file) => file.endsWith(".tmp")), [], name);
      assert.equal(checkpoints(folder).length, 5, `${name}: two pairs and the best weights`);
    }
  });

  test("checkpoints that no longer load are not trained over from the start", async () => {
    const folder = await uninterrupted(["--epochs", "1"]);
    const before = checkpoints(folder);
    for (const name of before.filter((file) => file.endsWith(".npz"))) truncateSync(join(folder, "checkpoints", name), 10);
    const { code, output } = await train(folder, short).ended;
    assert.equal(code, 1, output);
    assert.match(output, /none of the \d+ checkpoints in .* loads; move them away to start over/);
    assert.deepEqual(checkpoints(folder), before);
  });

  test("the weights are safetensors as the format's own reader wants them", async () => {
    const folder = await uninterrupted(["--epochs", "1"]);
    const content = readFileSync(join(folder, "checkpoints", "step-000038.safetensors"));
    const length = Number(content.readBigUInt64LE(0));
    const header = JSON.parse(content.toString("utf8", 8, 8 + length)) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
    let offset = 0;
    for (const { dtype, shape, data_offsets } of Object.values(header)) {
      assert.equal(dtype, "F32");
      assert.deepEqual(data_offsets, [offset, offset + 4 * shape.reduce((a, b) => a * b, 1)]);
      offset = data_offsets[1];
    }
    assert.deepEqual([length % 8, 8 + length + offset], [0, content.length]);
  });

  test("the data set is the one that SOURCE.md names", () => {
    const digest = createHash("sha256").update(readFileSync(join(example, "digits.csv.gz"))).digest("hex");
    assert.ok(readFileSync(join(example, "SOURCE.md"), "utf8").includes(digest));
  });
});
