// `node dist/sandbox/main.js --dir DIR [--knobs JSON]`: the daemon in the foreground, for whoever starts it detached.
import { parseArgs } from "node:util";
import { messageOf, UserError } from "../custody/userError.js";
import { runForeground } from "./foreground.js";
import type { KnobsPatch } from "./knobs.js";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { dir: { type: "string" }, knobs: { type: "string" } } });
  if (values.dir === undefined) throw new UserError("Which state directory?", { next: ["node dist/sandbox/main.js --dir DIR"] });
  const knobs = values.knobs === undefined ? undefined : (JSON.parse(values.knobs) as KnobsPatch);
  await runForeground({ dir: values.dir, ...(knobs === undefined ? {} : { knobs }) });
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
