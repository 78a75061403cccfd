/** What the policy pack costs: its start, a preview of one run with it, and a thousand resources judged. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, ScratchStack } from "../engine/stack";
import { inTurn, median } from "./measure";
import type { Row, Scale } from "./table";
import { entriesOf } from "../policy/manifests";
import { exportedState } from "../policy/exportedState";

const pack = join(packageRoot, "policy");

/** Differences are of medians of actions that were run in turn; on a machine that does other things too, the ratios say more than the times. */
export async function benchPolicies({ rounds, quick }: Scale): Promise<Row[]> {
  return [...(await benchStart(rounds)), ...(await benchJudging(rounds, quick ? 100 : 1000))];
}

async function benchStart(rounds: number): Promise<Row[]> {
  const empty = emptyPack();
  try {
    const { ours = [], bare = [] } = await inTurn(rounds, { ours: () => startPack(pack), bare: () => startPack(empty) });
    return [
      { name: "the pack's start, until it answers", value: median(ours), unit: "s", goal: "<= 0.8" },
      { name: "against a pack without a rule", value: median(ours) / median(bare), unit: "x", goal: null },
    ];
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
}

async function benchJudging(rounds: number, count: number): Promise<Row[]> {
  const scratch = await ScratchStack.create();
  const empty = emptyPack();
  try {
    const ok = async (...args: string[]): Promise<void> => {
      const { exitCode, output } = await scratch.pulumi(...args);
      if (exitCode !== 0) throw new Error(output);
    };
    const many = join(scratch.directory, "many.json");
    writeFileSync(many, exportedState(jobs(count)));
    const { plain = [], judged = [], thousand = [], unjudged = [] } = await inTurn(rounds, {
      plain: () => ok("preview", "--stack", scratch.stack),
      judged: () => ok("preview", "--stack", scratch.stack, "--policy-pack", pack),
      thousand: () => ok("policy", "analyze", "--policy-pack", pack, "--file", many),
      unjudged: () => ok("policy", "analyze", "--policy-pack", empty, "--file", many),
    });
    return [
      { name: "what the pack adds to a preview of one run", value: median(judged) - median(plain), unit: "s", goal: "<= 0.5" },
      { name: "against the preview without it", value: median(judged) / median(plain), unit: "x", goal: null },
      { name: `${count} Kubernetes Jobs through a pack without a rule, the engine's share`, value: median(unjudged), unit: "s", goal: null },
      { name: "what our rules add to it", value: median(thousand) - median(unjudged), unit: "s", goal: "<= 3" },
    ];
  } finally {
    rmSync(empty, { recursive: true, force: true });
    await scratch.close();
  }
}

/** As the engine's language host starts it. */
async function startPack(directory: string): Promise<void> {
  const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [pack] });
  const child = spawn(process.execPath, [runner, "127.0.0.1:1", directory], { cwd: directory, stdio: ["ignore", "pipe", "ignore"] });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => {
      throw new Error(`the pack in ${directory} ended before it answered`);
    }),
  ]);
  child.kill();
  await once(child, "exit");
}

/** The SDK's own share. */
function emptyPack(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  writeFileSync(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\n");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", version: "0.0.1", main: "index.js" }));
  writeFileSync(join(folder, "index.js"), 'const { PolicyPack } = require("@pulumi/policy");\nnew PolicyPack("empty", { policies: [] });\n');
  symlinkSync(join(packageRoot, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Trainings with a claim each, as a real program would have them. */
function jobs(count: number): ReturnType<typeof entriesOf> {
  const text = readFileSync(join(packageRoot, "test", "policy", "corpus", "fine", "shell-wrapper.yaml"), "utf8");
  return Array.from({ length: count }, (_, index) => entriesOf(text.replaceAll("shell-wrapper", `train-${index}`))).flat();
}
