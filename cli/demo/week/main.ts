/**
 * npm run demo:week: the days between `up` and `destroy`, in scaled time on the sandbox with the real engine. Told and checked step by
 * step; at the end the vendor's meter, the ledgers and the artifacts are held against each other. Exits non-zero when anything is missed.
 */
import { colorsWanted } from "../../render/paint";
import { perform } from "../stage";
import { monday, tuesday, wednesday } from "./firstDays";
import { friday, teardown, thursday, weekend } from "./lastDays";
import { figures, show } from "./figures";
import type { Day } from "./week";
import { WeekWorld } from "./week";

const days: readonly Day[] = [monday, tuesday, wednesday, thursday, friday];

const usage = `Usage: npm run demo:week [-- --keep] [-- --json]

  --keep   keep the temporary folder with both checkouts, state and the sandbox (still running), for inspection
  --json   print the final figures as JSON; everything else is said on stderr
  --help   show this help

Exit codes: 0 everything did what it should and the figures agree, 1 something did not, 2 wrong usage, 130 interrupted.`;

void perform({
  usage,
  chapters: days.length + 3,
  speakEvery: 8000,
  json: true,
  makeWorld: (narrator, signal) => new WeekWorld(narrator, signal, { COLUMNS: String(narrator.width - 2), ...(colorsWanted(process.stdout, process.env) ? { FORCE_COLOR: "1" } : {}) }),
  tell: async ({ world, narrator, json, elapsed }) => {
    narrator.title("Holdfast: a week between up and destroy", "Three runs on one file system, in scaled time. The real Pulumi engine, real machines, real training; only the cloud is a sandbox.", `Nothing of yours is touched: everything happens in ${world.directory}.`);
    for (const day of days) await day(world);
    const told = await weekend(world);
    await teardown(world);
    const summary = await figures(world, told);
    show(world, summary);
    if (json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    narrator.line("");
    if (summary.ok) narrator.good(`Done in ${elapsed()}: ${(summary.weekHours / 24).toFixed(1)} days; meter, ledgers and artifacts agree.`);
    else narrator.bad("Not everything is as promised; see above.");
    return summary.ok ? 0 : 1;
  },
}).then((code) => {
  process.exit(code);
});
