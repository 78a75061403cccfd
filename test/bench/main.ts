/** `npm run bench [-- --json FILE] [-- --rounds N] [-- --only verify|engine|policies]`: the figures of docs/performance.md, measured here and now. */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { benchEngine } from "./engine";
import { benchPolicies } from "./policies";
import { machineShape, renderTable, type Row } from "./table";
import { benchVerify } from "./verify";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: "string" }, rounds: { type: "string", default: "5" }, only: { type: "string" } } });
  const rounds = Number(values.rounds);
  const benches: Readonly<Record<string, () => Promise<Row[]>>> = { verify: () => benchVerify(rounds), engine: () => benchEngine(), policies: () => benchPolicies(rounds) };
  const chosen = values.only === undefined ? Object.values(benches) : [benches[values.only]];
  console.log(`machine: ${machineShape()}, load ${loadavg().map((load) => load.toFixed(1)).join(" ")}\n`);
  const rows: Row[] = [];
  for (const bench of chosen) {
    if (bench === undefined) throw new Error(`--only takes one of ${Object.keys(benches).join(", ")}`);
    rows.push(...(await bench()));
  }
  console.log(renderTable(rows));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine: machineShape(), rows }, null, 2)}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
