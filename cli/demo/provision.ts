/** Chapters 1 to 4: a real machine, a real training run, a kill in the middle, the end of the roster. */
import { renderSurvival } from "../render/plan";
import { plural } from "../render/units";
import { titlesOf } from "../render/teardown";
import { profileFor } from "../../profiles";
import { liveAddress } from "../../providers/ssh/forRun";
import type { Demo } from "./demo";
import { cellNamed, cellsOf, look, progressLine, runName, runOf, stepText } from "./demo";
import { expect, tail } from "./expect";
import { essentialLine } from "./pulumiOutput";
import { stepOf } from "../runs/checkpointStep";
import { until } from "./until";

export async function provision(demo: Demo): Promise<void> {
  const { world, narrator, plan } = demo;
  const step = "pulumi up";
  narrator.heading("Provision");
  const sandbox = await narrator.during("starting the sandbox", world.vendor.start());
  narrator.say(`The sandbox speaks ${plan.platform}'s API at ${sandbox.url}; its instances are real Linux machines of their own.`);
  narrator.say(`A vendor's minute passes in ${(60 / sandbox.timeScale).toFixed(0)} s. Before anything is created: what will the end of this run keep and lose?`);
  narrator.command("holdfast plan --stack demo");
  narrator.output(renderSurvival(plan, { paint: narrator.paint, width: narrator.width - 2, titles: titlesOf(profileFor(plan.platform)) }));
  await narrator.during("making a stack of its own for the demo", world.createStack());
  narrator.command("pulumi up --stack demo");
  const up = await narrator.during("the engine is provisioning", world.pulumi("up", showEssentials(demo)));
  expect(step, "exit code 0", up.exitCode === 0, tail(up.output));
  const vendor = await world.vendor.listed();
  const seen = `${plural(vendor.instances.length, "instance")}, ${plural(vendor.filesystems.length, "file system")}, ${plural(vendor.keys.length, "key")}`;
  expect(step, "one instance, one file system and one key at the vendor", vendor.instances.length === 1 && vendor.filesystems.length === 1 && vendor.keys.length === 1, seen);
  const address = liveAddress(runOf(demo).view());
  narrator.good(`Provisioned: ${seen}; the machine answers at ${address ? `${address.user}@${address.host}:${address.port}` : "an unknown address"} and the job has started.`);
}

export async function watch(demo: Demo): Promise<void> {
  const { narrator, plan, signal } = demo;
  const step = "watch";
  narrator.heading("Watch it train");
  narrator.say(`${plural(plan.cells.length, "cell")}, one after the other: ${plan.cells.map((cell) => cell.name).join(", ")}. Each saves atomically to the file system that outlives the machine.`);
  const started = await until({ step: "watch", what: "a first checkpoint", seconds: 60, signal, look: () => watched(demo), describe: (seen) => progressLine(demo, seen) }, (seen) => Boolean(seen.remote?.newestCheckpoint));
  expect(step, "a living writer", started.remote?.writer === "alive", `writer ${started.remote?.writer ?? "unknown"}`);
  narrator.command("holdfast status");
  const shown = await demo.world.holdfast("status");
  expect(step, "exit code 0 of holdfast status", shown.exitCode === 0, tail(shown.output));
  narrator.output(shown.stdout);
}

/** SIGKILL to the process group of one cell, over ssh, as a careless person would: told apart from a fault, and resumed by a retry. */
export async function killOnce(demo: Demo): Promise<void> {
  const { narrator, plan, signal, world } = demo;
  const step = "kill and resume";
  narrator.heading("Kill the training in the middle");
  const target = plan.cells[Math.floor(plan.cells.length / 2)]?.name ?? "";
  narrator.say(`Waiting until ${target} is well under way.`);
  let longest = 0;
  const before = await until(
    { step, what: `${target} in the middle of its training`, seconds: 120, signal, everyMilliseconds: 250, look: () => watched(demo), describe: (seen) => progressLine(demo, seen) },
    (seen) => {
      // How many steps a cell takes is what those before it took.
      longest = Math.max(longest, ...cellsOf(seen).filter((cell) => cell.cell !== target).map((cell) => stepOf(cell.newestCheckpoint?.path ?? "") ?? 0));
      const cell = cellNamed(seen, target);
      return cell?.state === "running" && Boolean(cell.pgid) && (stepOf(cell.newestCheckpoint?.path ?? "") ?? 0) > longest * 0.35;
    },
  );
  const victim = cellNamed(before, target);
  const group = victim?.pgid ?? 0;
  narrator.command(`holdfast ssh ${runName(demo)} -- kill -KILL -- -${group}`);
  const killed = await world.holdfast("ssh", runName(demo), "--", `kill -KILL -- -${group}`);
  expect(step, "the kill to reach the process group", killed.exitCode === 0, tail(killed.output));
  narrator.say(narrator.paint("warn", `Killed: SIGKILL to the process group ${group}, no chance to save. A moment before, the newest checkpoint was ${victim?.newestCheckpoint ? stepText(victim.newestCheckpoint.path) : "none"}.`));
  const told = await until(
    { step, what: `${target} failed, with the evidence`, seconds: 60, signal, everyMilliseconds: 250, look: () => watched(demo), describe: (seen) => progressLine(demo, seen) },
    (seen) => cellNamed(seen, target)?.state === "failed",
  );
  narrator.say(`It is not started again behind anybody's back: ${cellNamed(told, target)?.class ?? "unknown"}, because ${(cellNamed(told, target)?.evidence ?? []).join("; ")}.`);
  narrator.command(`holdfast retry ${target}`);
  const retried = await world.holdfast("retry", target, runName(demo));
  expect(step, "exit code 0 of holdfast retry", retried.exitCode === 0, tail(retried.output));
  narrator.output(retried.stdout);
  const after = await until(
    { step, what: `a second attempt of ${target}`, seconds: 60, signal, everyMilliseconds: 250, look: () => watched(demo), describe: (seen) => progressLine(demo, seen) },
    (seen) => (cellNamed(seen, target)?.attempt ?? 1) >= 2 && ["running", "complete"].includes(cellNamed(seen, target)?.state ?? ""),
  );
  const from = await resumedFrom(demo, target);
  const safe = victim?.newestCheckpoint ? stepOf(victim.newestCheckpoint.path) : null;
  expect(step, `a resume from step ${safe ?? "?"} or later`, from !== null && (safe === null || from >= safe), from === null ? "no line of the log speaks of a resume" : `step ${from}`);
  narrator.good(`Attempt ${cellNamed(after, target)?.attempt ?? "?"}: it resumed from step ${from}. Nothing before it was trained twice.`);
}

export async function finish(demo: Demo): Promise<void> {
  const { narrator, plan, signal } = demo;
  const step = "roster";
  narrator.heading("Wait until the roster is complete");
  const report = await until(
    { step: "roster", what: "a closed queue", seconds: 240, signal, look: () => watched(demo), describe: (seen) => progressLine(demo, seen) },
    (seen) => Boolean(seen.remote?.closed) && seen.remote?.writer === "none",
  );
  const complete = report.remote?.closed?.complete ?? [];
  expect(step, `all ${plan.cells.length} cells complete`, complete.length === plan.cells.length, progressLine(demo, report));
  narrator.good(`All ${plan.cells.length} cells are complete, the wrapper wrote its closing marker, no writer lives.`);
}

async function watched(demo: Demo): Promise<Awaited<ReturnType<typeof look>>> {
  const report = await look(demo);
  demo.narrator.progress(progressLine(demo, report));
  return report;
}

/** From the cell's own log: the last line that speaks of a resume names the step. Waits until the trainer has said so. */
async function resumedFrom(demo: Demo, cell: string): Promise<number | null> {
  const found = await until(
    {
      step: "kill and resume",
      what: "a line about the resume in the cell's log",
      seconds: 30,
      signal: demo.signal,
      look: async () => {
        const log = await demo.world.holdfast("logs", runName(demo), cell, "-n", "200");
        return log.stdout.split("\n").findLast((line) => /resum/i.test(line)) ?? null;
      },
      describe: () => "none",
    },
    (line) => line !== null,
  );
  const step = /step\D{0,3}(\d+)/i.exec(found ?? "")?.[1];
  if (found !== null) demo.narrator.output(`${cell}.log: ${found}`);
  return step === undefined ? null : Number(step);
}

export function showEssentials(demo: Demo): (line: string) => void {
  return (raw) => {
    const line = essentialLine(raw);
    if (line !== null) demo.narrator.output(line);
  };
}
