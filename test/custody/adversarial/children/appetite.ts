/**
 * Verifies the first path, then the others, and prints by how many MiB the process grew over the first, with each one's codes.
 * A process of its own: what a forged file may take is measured where nothing else takes anything.
 */
import { verifyFile } from "../../../../custody/verify/index.js";

export interface Appetite {
  readonly grownMiB: number;
  readonly codes: Readonly<Record<string, readonly string[]>>;
}

async function main([warm = "", ...paths]: readonly string[]): Promise<void> {
  await verifyFile(warm);
  const before = process.resourceUsage().maxRSS;
  const codes: Record<string, string[]> = {};
  for (const path of paths) codes[path] = (await verifyFile(path)).problems.map(({ code }) => code);
  const result: Appetite = { grownMiB: (process.resourceUsage().maxRSS - before) / 1024, codes };
  process.stdout.write(JSON.stringify(result));
}

void main(process.argv.slice(2));
