/** `npm run bench [-- --json FILE] [-- --rounds N]`: the figures of docs/performance.md, measured here and now. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchEngine } from "./engine";
import { machineShape, renderTable } from "./table";
import { benchVerify } from "./verify";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: "string" }, rounds: { type: "string", default: "5" } } });
  console.log(`machine: ${machineShape()}\n`);
  const rows = [...(await benchVerify(Number(values.rounds))), ...(await benchEngine())];
  console.log(renderTable(rows));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine: machineShape(), rows }, null, 2)}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
