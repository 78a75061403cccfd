/** Passes of the keeper over the one run of a scene: as another process, or in this one at another time. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { run } from "../../../cli/main";
import { memoryFile } from "../../../cli/keeper/memory";
import type { PassReport } from "../../../cli/keeper/pass";
import { systemClock } from "../../../custody/clock";
import type { Scene } from "../bypass/scene";
import type { Receiver } from "./receiver";

export type Passed = PassReport & { readonly exitCode: number };

/** One pass by a process of its own; what it said of the one run. */
export async function pass(scene: Scene): Promise<Passed> {
  const { exitCode, output } = await scene.type("holdfast keeper --once --json");
  return { ...onlyRun(output), exitCode };
}

/** One pass of a computer that wakes up so many hours from now. */
export async function passAfter(scene: Scene, hours: number): Promise<Passed> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let output = "";
  stdout.setEncoding("utf8").on("data", (text: string) => { output += text; });
  const clock = { ...systemClock, now: () => new Date(Date.now() + hours * 3_600_000) };
  const exitCode = await run(["keeper", "--once", "--json"], { stdin: Readable.from([]), stdout, stderr, env: scene.scratch.environmentOfCommands, cwd: scene.scratch.directory, clock });
  return { ...onlyRun(output), exitCode };
}

function onlyRun(output: string): PassReport {
  const { runs } = JSON.parse(output) as { runs: PassReport[] };
  const [only, ...more] = runs;
  assert.ok(only !== undefined && more.length === 0, output);
  return only;
}

/** The keeper's config, with a webhook whose URL stands in a file that only its owner reads. */
export function keeperConfig(scene: Scene, receiver: Receiver, keeper: Readonly<Record<string, unknown>> = {}, more: Readonly<Record<string, unknown>> = {}): void {
  writeFileSync(join(scene.scratch.directory, "webhook.url"), `${receiver.url}\n`, { mode: 0o600 });
  scene.config({ keeper: { webhook: { file: "webhook.url" }, ...keeper }, ...more });
}

/** The keeper's memory is lost: it protects nothing. */
export function forget(scene: Scene): void {
  rmSync(join(scene.run.dir, memoryFile), { force: true });
}
