/** Rate of verification (hash and structure and finite values in one pass) against what people do instead, on the same warm files. */
import { execa } from "execa";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { verifyTree, warmThreads } from "../../custody/verify";
import { findPython } from "../custody/adversarial/oracle";
import { mebi, writeSafetensors, writeTorch } from "./checkpoints";
import { inTurn, median } from "./measure";
import type { Row, Scale } from "./table";

/** As metrics and small adapters are: what each file costs shows beside what its bytes cost. */
const smallKiB = 64;

export async function benchVerify({ quick, rounds }: Scale): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const [fileMiB, count] = quick ? [64, 4] : [256, 8];
  try {
    const safe = names("safetensors", count);
    const torch = names("pt", count);
    for (const name of safe) writeSafetensors(join(directory, name), fileMiB * mebi);
    for (const name of torch) writeTorch(join(directory, name), fileMiB * mebi, 16);
    const small = names("safetensors", quick ? 100 : 2000).map((name) => `small-${name}`);
    for (const name of small) writeSafetensors(join(directory, name), smallKiB * 1024);
    const paths = (list: readonly string[]): string[] => list.map((name) => join(directory, name));
    const check = async (files: readonly string[], workers: number): Promise<void> => {
      const verdict = await verifyTree(directory, files.map((path) => ({ path })), { workers });
      if (!verdict.ok) throw new Error(JSON.stringify(verdict.problems));
    };
    const threads = await startOfThread();
    warmThreads(count * fileMiB * mebi);
    const times = await inTurn(rounds, {
      openssl: () => execa("openssl", ["dgst", "-sha256", ...paths(safe.slice(0, 1))]),
      opensslMany: () => execa("openssl", ["dgst", "-sha256", ...paths(safe)]),
      safeOne: () => check(safe.slice(0, 1), 1),
      safeTwo: () => check(safe.slice(0, 2), 2),
      safeMany1: () => check(safe, 1),
      safeMany2: () => check(safe, 2),
      torchOne: () => check(torch.slice(0, 1), 1),
      torchMany1: () => check(torch, 1),
      torchMany2: () => check(torch, 2),
      opensslSmall: () => execa("openssl", ["dgst", "-sha256", ...paths(small)]),
      small1: () => check(small, 1),
      small2: () => check(small, 2),
    });
    const rate = (name: string, files: number): number => (files * fileMiB) / median(times[name] ?? []);
    const single = rate("openssl", 1);
    const many = rate("opensslMany", count);
    const cores = availableParallelism();
    const against = (name: string, other: string): number => median(times[other] ?? []) / median(times[name] ?? []);
    return [
      { name: `openssl dgst -sha256, ${fileMiB} MiB`, value: single, unit: "MiB/s", goal: null },
      { name: "verify a safetensors file, 1 thread, against it", value: rate("safeOne", 1) / single, unit: "x", goal: ">= 0.9" },
      { name: "verify a torch file, 1 thread, against it", value: rate("torchOne", 1) / single, unit: "x", goal: ">= 0.9" },
      { name: "verify two safetensors files, 2 threads, against it", value: rate("safeTwo", 2) / single, unit: "x", goal: cores < 2 ? null : ">= 1.8" },
      { name: `verify ${count} safetensors files, 1 thread, against openssl on them`, value: rate("safeMany1", count) / many, unit: "x", goal: ">= 0.9" },
      { name: `verify ${count} safetensors files, 2 threads, against openssl on them`, value: rate("safeMany2", count) / many, unit: "x", goal: cores < 2 ? null : ">= 1.8" },
      { name: `verify ${count} torch files, 1 thread, against openssl on them`, value: rate("torchMany1", count) / many, unit: "x", goal: ">= 0.9" },
      { name: `verify ${count} torch files, 2 threads, against openssl on them`, value: rate("torchMany2", count) / many, unit: "x", goal: cores < 2 ? null : ">= 1.8" },
      { name: `verify ${small.length} safetensors files of ${smallKiB} KiB, 1 thread, against openssl on them`, value: against("small1", "opensslSmall"), unit: "x", goal: null },
      { name: `verify ${small.length} safetensors files of ${smallKiB} KiB, 2 threads, against openssl on them`, value: against("small2", "opensslSmall"), unit: "x", goal: null },
      { name: "start of one thread, once per command, hidden behind a pull's transfer", value: threads * 1000, unit: "ms", goal: null },
      ...(await benchSequence(paths(torch), () => check(torch, Math.min(2, cores)), rounds)),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const names = (extension: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${index}.${extension}`);

/** Seconds until a new thread of the verifier answers. */
async function startOfThread(): Promise<number> {
  const code = `require(${JSON.stringify(require.resolve("../../custody/verify/worker"))}); require("node:worker_threads").parentPort.postMessage(0);`;
  const { start = [] } = await inTurn(5, {
    start: async () => {
      const worker = new Worker(code, { eval: true });
      await new Promise((resolve) => worker.once("message", resolve));
      await worker.terminate();
    },
  });
  return median(start);
}

/** What a careful person types today: sha256sum, then a load of every file. */
async function benchSequence(files: readonly string[], verify: () => Promise<void>, rounds: number): Promise<Row[]> {
  const name = "verify against sha256sum and torch.load(weights_only=True) of the same files";
  const python = findPython();
  const has = python === undefined ? { exitCode: 1 } : await execa(python, ["-c", "import torch"], { reject: false });
  if (python === undefined || has.exitCode !== 0) return [{ name: `${name} (no Python with torch here)`, value: NaN, unit: "x", goal: ">= 3" }];
  const load = "import sys, torch\nfor path in sys.argv[1:]:\n    torch.load(path, map_location='cpu', weights_only=True)\n";
  const { sequence = [], ours = [] } = await inTurn(rounds, {
    sequence: async () => {
      await execa("sha256sum", files);
      await execa(python, ["-c", load, ...files]);
    },
    ours: verify,
  });
  return [{ name, value: median(sequence) / median(ours), unit: "x", goal: ">= 3" }];
}
