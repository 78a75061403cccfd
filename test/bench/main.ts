/**
 * `npm run bench [-- --only PART]... [--quick] [--rounds N] [--json FILE]`: the figures of docs/performance.md, measured here and now.
 * Each part is printed when it is done; the JSON file (default: bench.json, ignored by git) has all of them.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchEngine } from "./engine";
import { benchCells, benchRuns } from "./growth";
import { benchLaunches } from "./launches";
import { seconds } from "./measure";
import { benchMemory } from "./memory";
import { benchPolicies } from "./policies";
import { benchPull } from "./pull";
import { machineShape, renderTable, type Part, type Row, type Scale } from "./table";
import { benchVerify } from "./verify";

const parts: Readonly<Record<string, (scale: Scale) => Promise<Row[]>>> = {
  verify: benchVerify,
  memory: benchMemory,
  pull: benchPull,
  engine: benchEngine,
  policies: benchPolicies,
  launches: benchLaunches,
  cells: benchCells,
  runs: benchRuns,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string", multiple: true, default: [] }, json: { type: "string", default: "bench.json" }, rounds: { type: "string" }, quick: { type: "boolean", default: false } },
  });
  const unknown = values.only.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw new Error(`no part is called ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
  const scale: Scale = { quick: values.quick, rounds: Number(values.rounds ?? (values.quick ? 1 : 3)) };
  if (!(scale.rounds >= 1)) throw new Error("--rounds takes a number from 1");
  const machine = machineShape();
  console.log(`machine: ${machine}${scale.quick ? "\nquick: small sizes, which tell whether it works and not what it costs" : ""}\n`);
  const done: Part[] = [];
  for (const [part, bench] of Object.entries(parts)) {
    if (values.only.length > 0 && !values.only.includes(part)) continue;
    let rows: Row[] = [];
    const took = await seconds(async () => {
      rows = await bench(scale);
    });
    done.push({ part, seconds: took, rows });
    console.log(`${part} (${took.toFixed(0)} s)\n${renderTable(rows)}\n`);
    writeFileSync(values.json, `${JSON.stringify({ machine, quick: scale.quick, rounds: scale.rounds, parts: done }, null, 2)}\n`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
