/** Rate of verification (hash and structure and finite values in one pass) against `openssl dgst -sha256` on the same warm file. */
import { execa } from "execa";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyTree } from "../../custody/verify";
import { inTurn, median } from "./measure";
import type { Row } from "./table";

const fileMiB = 256;

/** A safetensors file of finite float32 values. */
function writeCheckpoint(path: string): void {
  const bytes = fileMiB * 1024 * 1024;
  const header = Buffer.from(JSON.stringify({ w: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const chunk = Buffer.from(Float32Array.from({ length: 1024 * 1024 }, (_, index) => Math.sin(index)).buffer);
  const file = openSync(path, "w");
  try {
    writeSync(file, length);
    writeSync(file, header);
    for (let written = 0; written < bytes; written += chunk.length) writeSync(file, chunk);
  } finally {
    closeSync(file);
  }
}

export async function benchVerify(rounds: number): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const names = ["a.safetensors", "b.safetensors"];
    for (const name of names) writeCheckpoint(join(directory, name));
    const check = async (files: readonly string[], workers: number): Promise<void> => {
      const verdict = await verifyTree(directory, files.map((path) => ({ path })), { workers });
      if (!verdict.ok) throw new Error(JSON.stringify(verdict.problems));
    };
    const times = await inTurn(rounds, {
      openssl: () => execa("openssl", ["dgst", "-sha256", join(directory, "a.safetensors")]),
      verifyOne: () => check(["a.safetensors"], 1),
      verifyTwo: () => check(names, 2),
    });
    const rate = (name: string, files: number): number => (files * fileMiB) / median(times[name] ?? []);
    const openssl = rate("openssl", 1);
    return [
      { name: "openssl dgst -sha256", value: openssl, unit: "MiB/s", goal: null },
      { name: "verify, one file, one worker, against openssl", value: rate("verifyOne", 1) / openssl, unit: "x", goal: ">= 0.9" },
      { name: "verify, two files, two workers, against openssl", value: rate("verifyTwo", 2) / openssl, unit: "x", goal: ">= 1.8" },
      { name: "resident memory after verifying", value: process.resourceUsage().maxRSS / 1024, unit: "MiB", goal: "< 300" },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
