/** How time and state grow with the cells of a run and the runs of a stack: neither may be worse than its number. */
import type { CommandResult } from "../engine/stack";
import { Life } from "./life";
import { seconds } from "./measure";
import type { Row, Scale } from "./table";

/** Cells that really run; of a larger roster the others are laid down as finished. */
const trained = 10;
/** Of many runs so many go through status, pull, verify and destroy. */
const sampled = 3;

export async function benchCells({ quick }: Scale): Promise<Row[]> {
  const rows: Row[] = [];
  for (const cells of quick ? [1, 20] : [1, 10, 100, 1000]) rows.push(...(await growCells(cells)));
  return rows;
}

export async function benchRuns({ quick }: Scale): Promise<Row[]> {
  const rows: Row[] = [];
  for (const runs of quick ? [1, 2] : [1, 10, 50]) rows.push(...(await growRuns(runs)));
  return rows;
}

async function growCells(cells: number): Promise<Row[]> {
  const life = await Life.begin(cells);
  const { scratch } = life;
  const rows: Row[] = [];
  const row = (name: string, value: number, unit: string, goal: string | null = null): void => void rows.push({ name: `${cells} ${cells === 1 ? "cell" : "cells"}: ${name}`, value, unit, goal });
  const time = async (name: string, step: () => Promise<CommandResult>, goal: string | null = null): Promise<void> => row(name, await life.time(step), "s", goal);
  try {
    await time("up", () => scratch.up(), "< 15");
    if (cells > trained) await life.finishCellsAfter(trained);
    await life.rosterEnds();
    await time("status", () => scratch.holdfast("status", "--json"));
    await time("pull", () => scratch.holdfast("pull"));
    await time("verify", () => scratch.holdfast("verify"));
    await time("no-op up", () => scratch.up());
    const { file, dynamic } = await life.state();
    row("own dynamic resources", dynamic, "");
    row("state", file / 1000, "kB");
    row("ledger", life.ledger("quick").bytes / 1000, "kB");
    await life.approve("quick");
    await time("destroy", () => scratch.destroy(), "< 15");
    return rows;
  } finally {
    await life.end();
  }
}

async function growRuns(runs: number): Promise<Row[]> {
  const life = await Life.begin(1, runs);
  const { scratch } = life;
  const rows: Row[] = [];
  const row = (name: string, value: number, unit: string): void => void rows.push({ name: `${runs} ${runs === 1 ? "run" : "runs"}: ${name}`, value, unit, goal: null });
  try {
    const up = await life.time(() => scratch.up());
    row("up, of all", up, "s");
    row("up, per run", up / runs, "s");
    await life.rosterEnds();
    row("no-op up, of all", await life.time(() => scratch.up()), "s");
    const { file } = await life.state();
    row("state, per run", file / 1000 / runs, "kB");
    const chosen = life.runs.slice(0, sampled);
    const spent = { status: 0, pull: 0, verify: 0, destroy: 0 };
    for (const run of chosen) {
      const reference = life.reference(run);
      spent.status += await life.time(() => scratch.holdfast("status", ...reference, "--json"));
      spent.pull += await life.time(() => scratch.holdfast("pull", ...reference));
      spent.verify += await life.time(() => scratch.holdfast("verify", ...reference));
      await life.approve(run);
    }
    // One after the other, as they have to be: a stack has one lock.
    spent.destroy = await seconds(async () => {
      if (runs === 1) await life.time(() => scratch.destroy());
      else for (const run of chosen) await life.time(async () => scratch.destroy("--target", await life.component(run), "--target-dependents"));
    });
    for (const [step, taken] of Object.entries(spent)) row(`${step}, of one`, taken / chosen.length, "s");
    return rows;
  } finally {
    await life.end();
  }
}
