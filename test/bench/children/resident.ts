/** Verifies the files of the arguments in a process of their own and prints its peak resident memory in MiB. */
import { basename, dirname } from "node:path";
import { verifyTree } from "../../../custody/verify";

async function main(paths: readonly string[]): Promise<void> {
  const { ok, problems } = await verifyTree(dirname(paths[0] ?? "."), paths.map((path) => ({ path: basename(path) })));
  if (!ok) throw new Error(JSON.stringify(problems));
  process.stdout.write(String(process.resourceUsage().maxRSS / 1024));
}

void main(process.argv.slice(2));
