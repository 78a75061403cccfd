/** Monday to Wednesday: storage and two runs on it, a sweep that is edited while it runs, a cell that fails, a machine that is lost. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "../expect";
import { idsOf } from "../vendor";
import type { Cell } from "./project";
import { writeJob, writeProject, writeStack } from "./project";
import { Tier } from "./tier";
import { at, speeds } from "./time";
import type { Day } from "./week";
import { cellIs, commit, machineOf, pass, quietly, typed } from "./week";
import type { WeekWorld } from "./week";

/** cpu first, since it is cheap; the other is the next choice beside the same file system. */
const candidates = ["cpu_4x_general", "gpu_1x_a10"];
const base: Cell = { name: "base", args: "--lr 0.05 --epochs 30" };
const decay = (value: string): Cell => ({ name: "decay", args: `--decay ${value} --epochs 12` });
const wide = (units: string): Cell => ({ name: "wide", args: `--hidden ${units} --epochs 12` });
const slow: Cell = { name: "slow", args: "--lr 0.01 --epochs 48" };

export const monday: Day = async (week) => {
  const { narrator, you, vendor, time } = week;
  narrator.heading("Monday: storage of its own, and two runs that share it");
  await narrator.during("making a project in git, with a stack for each run and one for the storage", prepare(week));
  narrator.say("The team's data outlives every run, so the file system is a stack of its own.");
  await typed(week, you, "pulumi up --stack storage", { show: /created/ });
  const filesystem = (await quietly(week, you, "pulumi stack output filesystem --stack storage")).trim();
  const clock = await clockOf(week);
  writeJob(you.directory, "sweep", clock, [base, decay("0.001")]);
  writeJob(you.directory, "night", clock, [{ name: "shallow", args: "--hidden 32 --epochs 6" }, { name: "deep", args: "--hidden 256 --epochs 81" }]);
  writeJob(you.directory, "probe", clock, [{ name: "quick", args: "--lr 0.1 --epochs 4" }, { name: "endless", args: "--lr 0.02 --epochs 5000" }]);
  const shared = { storage: { existing: filesystem }, access: { authorizedKeys: [week.sshKey.publicKey] } };
  const capacity = { maxWaitMinutes: 6000, maxLockMinutes: 1, maxAttempts: 20, maxHourlyUsd: 2 };
  writeStack(you.directory, "sweep", { ...shared, capacity: { candidates, ...capacity }, budget: { maxHours: 120, maxUsd: 250 } });
  writeStack(you.directory, "night", { ...shared, capacity: { candidates: ["cpu_4x_general"], ...capacity }, budget: { maxHours: 120, maxUsd: 50 }, keeper: { standing: "ask" } });
  writeStack(you.directory, "probe", { ...shared, capacity: { candidates: ["cpu_4x_general"], ...capacity }, budget: { maxHours: 24, maxUsd: 50 }, keeper: { restart: true } });
  await commit(week, "Two runs on the storage, and a third for later");
  narrator.say(`Two runs on it (storage: {existing: ${filesystem}}), each on a machine of its own.`);
  await typed(week, you, "pulumi up --stack sweep", { show: /created|is up/ });
  await typed(week, you, "pulumi up --stack night", { show: /is up|^\d+ created/ });
  const stands = await vendor.listed();
  expect("monday", "two instances and one file system", stands.instances.length === 2 && stands.filesystems.length === 1, idsOf(stands));
  const tier = await Tier.of(vendor);
  await cellIs(week, tier, "sweep", "base", "training", (cell) => cell.state === "running" && cell.step !== null);
  await cellIs(week, tier, "night", "shallow", "training", (cell) => cell.state === "running" && cell.step !== null);
  await typed(week, you, "holdfast ls --live");
  narrator.good(`${time.label}: both train, on one file system.`);
};

export const tuesday: Day = async (week) => {
  const { narrator, you, vendor, time } = week;
  narrator.heading("Tuesday: the sweep changes while it runs");
  await pass(week, at(1, 9));
  const tier = await Tier.of(vendor);
  await cellIs(week, tier, "sweep", "base", "training", (cell) => cell.state === "running");
  const before = await vendor.listed();
  narrator.say("Somebody edits jobs/sweep.yaml: decay gets another value, and two cells are new: wide and slow. base has run for a day.");
  writeJob(you.directory, "sweep", await clockOf(week), [base, decay("0.0005"), wide("20000000"), slow]);
  await typed(week, you, "pulumi preview --stack sweep", { show: /cell|unchanged:/ });
  await commit(week, "decay 0.0005; wide and slow are new");
  await typed(week, you, "pulumi up --stack sweep", { show: /cell / });
  expect("tuesday", "the same machines, file system and keys", idsOf(await vendor.listed()) === idsOf(before), idsOf(await vendor.listed()));
  narrator.good(`${time.label}: taken up by the queue that runs. The instance stayed, base trains on, and nobody was asked for anything.`);
};

export const wednesday: Day = async (week) => {
  const { narrator, you, vendor, time } = week;
  narrator.heading("Wednesday: out of memory, and a machine that goes away");
  await pass(week, at(2, 9));
  const tier = await Tier.of(vendor);
  await cellIs(week, tier, "sweep", "slow", "training", (cell) => cell.state === "running" && cell.step !== null);
  narrator.say("wide failed in the night; the queue went on with the next cell, so the machine was not idle for it.");
  const status = await typed(week, you, "holdfast status sweep", { show: /^cell |^-+ |complete|running|failed|hint|next:/ });
  expect("wednesday", "wide failed for memory, told from evidence", /outOfHostMemory|out of (host )?memory/i.test(status.stdout), status.stdout);
  narrator.say("It will not fit twice. It starts over with fewer units; what it left is kept aside.");
  await typed(week, you, "holdfast retry wide sweep --fresh");
  writeJob(you.directory, "sweep", await clockOf(week), [base, decay("0.0005"), slow, wide("256")]);
  await commit(week, "wide fits now");
  await typed(week, you, "pulumi up --stack sweep", { show: /cell / });

  await pass(week, at(2, 15));
  const [lost] = (await vendor.listed()).instances.filter(({ name }) => name === machineOf(you, "sweep"));
  const seen = await cellIs(week, tier, "sweep", "slow", "checkpoints", (cell) => cell.step !== null);
  await vendor.admin("PATCH", "/knobs", { capacity: { cpu_4x_general: [] } });
  await vendor.post("/instance-operations/terminate", { instance_ids: [lost?.id ?? ""] });
  narrator.say(narrator.paint("warn", `${time.label}: the sweep's machine is terminated in the vendor's console, behind everybody's back, and its type is sold out. slow had saved step ${seen.step}.`));
  await gone(week, lost?.id ?? "");
  await pass(week, at(2, 15.5));
  await typed(week, you, "pulumi up --stack sweep", { show: /is gone|is up|cell / });
  const back = await cellIs(week, tier, "sweep", "slow", "a second attempt", (cell) => cell.state === "running" && cell.attempt > seen.attempt);
  const log = await typed(week, you, "holdfast logs sweep slow -n 200", { show: /resum/ });
  const from = Number(/resuming at step (\d+)/.exec(log.stdout.split("\n").findLast((text) => text.includes("resuming")) ?? "")?.[1] ?? NaN);
  expect("wednesday", `a resume from step ${seen.step ?? 0} or later`, from >= (seen.step ?? 0), log.stdout);
  narrator.good(`${time.label}: attempt ${back.attempt} goes on from step ${from}, on the next candidate beside the same file system. Nobody was asked to pull anything.`);
};

/** The address of the week's clock, which jobs carry in their environment: written down once. */
async function clockOf(week: WeekWorld): Promise<string> {
  const path = join(week.directory, "clock");
  return Promise.resolve(readFileSync(path, "utf8"));
}

async function prepare(week: WeekWorld): Promise<void> {
  const { you, time } = week;
  appendFileSync(join(week.directory, "clock"), await time.begin());
  await time.speed(speeds.work);
  writeProject(you.directory);
  for (const stack of ["storage", "sweep", "night", "probe"]) await quietly(week, you, `pulumi stack init ${stack} --no-select`);
  await quietly(week, you, "git init -q -b main");
  await commit(week, "A project with storage and three runs");
}

/** Until the vendor does not list it any more. */
async function gone(week: WeekWorld, id: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) if (!(await week.vendor.listed()).instances.some((instance) => instance.id === id)) return;
  expect("wednesday", `instance ${id} gone`, false, "it is still listed");
}
