/** Peak resident memory of verification: it must not grow with the file. Sparse files: reading zeros takes the same memory. */
import { execa } from "execa";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mebi, writeSafetensors, writeTorch } from "./checkpoints";
import type { Row, Scale } from "./table";

export async function benchMemory({ quick }: Scale): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const rows: Row[] = [];
    for (const gigabytes of quick ? [0.1, 0.5] : [0.1, 1, 4]) {
      const bytes = Math.round((gigabytes * 1e9) / 4) * 4;
      const paths = [0, 1].map((index) => join(directory, `${index}.safetensors`));
      for (const path of paths) writeSafetensors(path, bytes, true);
      rows.push({ name: `peak memory, two safetensors files of ${gigabytes} GB`, value: await resident(paths), unit: "MiB", goal: "< 300" });
    }
    const torch = join(directory, "0.pt");
    writeTorch(torch, (quick ? 128 : 1024) * mebi, 64);
    rows.push({ name: `peak memory, one torch file of ${quick ? 128 : 1024} MiB`, value: await resident([torch]), unit: "MiB", goal: "< 300" });
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function resident(paths: readonly string[]): Promise<number> {
  const { stdout } = await execa(process.execPath, [require.resolve("./children/resident"), ...paths]);
  return Number(stdout);
}
