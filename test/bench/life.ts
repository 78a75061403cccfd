/** The life of runs on the real engine and a sandbox whose API never waits, step by step, with what each step took. */
import { cpSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { float32, safetensors } from "../custody/verify/forge";
import { ScratchStack, type CommandResult } from "../engine/stack";
import { until } from "../engine/until";
import { seconds } from "./measure";

/** Vendor seconds pass too fast to be waited for, and the vendor adds none of its own. */
const atOnce = {
  timeScale: 5000,
  bootSeconds: { ip: 0, sshLead: 0, active: 0 },
  terminateSeconds: 0, terminateUnavailableSeconds: 0, restartSeconds: 0, launchReplySeconds: 0,
  quota: { instances: null, filesystems: null, firewallRulesets: null },
};

const checkpoint = safetensors({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, float32([1, 0.5]));

/** A cell that writes one checkpoint of two finite numbers and its metrics, and ends: printf reads the bytes as octal escapes. */
const cell = `set -e
printf '${[...checkpoint].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}' > "$HOLDFAST_CHECKPOINT_DIR/last.safetensors.tmp"
mv "$HOLDFAST_CHECKPOINT_DIR/last.safetensors.tmp" "$HOLDFAST_CHECKPOINT_DIR/last.safetensors"
printf '{"loss": 0.5}' > "$HOLDFAST_OUTPUT_DIR/metrics.json"
`;

export const ended = (code: number): boolean => code === 0;
export const refused = (code: number): boolean => code !== 0;

export class Life {
  private constructor(
    readonly scratch: ScratchStack,
    readonly runs: readonly string[],
    private readonly cells: number,
  ) {}

  /** A project with so many runs of so many cells; nothing is up yet. */
  static async begin(cells: number, runs = 1): Promise<Life> {
    const names = Array.from({ length: runs }, (_, index) => (runs === 1 ? "quick" : `run-${index}`));
    const scratch = await ScratchStack.create({ knobs: atOnce, ...(runs === 1 ? {} : { program: program(names) }) });
    const roster = Array.from({ length: cells }, (_, index) => ({ name: `cell-${index}` }));
    writeFileSync(join(scratch.directory, "job", "cell.sh"), cell);
    writeFileSync(join(scratch.directory, "job", "job.yaml"), stringify({
      name: "quick", command: "sh cell.sh", code: ".", resources: { gpu: "none", cpus: 1, memoryGiB: 1 }, checkpoint: { costSeconds: 0.1, everySeconds: 1 },
      artifacts: { keep: ["checkpoints/*.safetensors", "metrics.json"] }, roster,
    }));
    return new Life(scratch, names, cells);
  }

  /** Seconds of a command that must end as `wanted` says. */
  async time(step: () => Promise<CommandResult>, wanted: (code: number) => boolean = ended): Promise<number> {
    return seconds(async () => {
      const { exitCode, output } = await step();
      if (!wanted(exitCode)) throw new Error(output);
    });
  }

  /** `scratch/test/NAME`, or nothing where there is one run. */
  reference(run: string): string[] {
    return this.runs.length === 1 ? [] : [`scratch/test/${run}`];
  }

  /**
   * Seconds until every queue has closed with all its cells complete. Looked at in the sandbox's files, since a command that
   * asks takes more of the processor than the cells do.
   */
  async rosterEnds(): Promise<number> {
    return seconds(async () => {
      for (const run of this.runs) {
        await until(`${run} is complete`, () => {
          const [tier] = this.#tiers(run);
          const log = tier === undefined ? "" : join(tier, "logs", "queue.log");
          return existsSync(log) && readFileSync(log, "utf8").trim().endsWith("queue ends with exit code 0");
        }, 600);
      }
    });
  }

  /**
   * Lays all but the first cells of the run onto the tier as its queue would have left them, so that nobody waits for a thousand
   * trainings. From the last one backwards: the queue, which works from the other end, finds them complete.
   */
  async finishCellsAfter(first: number): Promise<void> {
    const tier = await until("the first cell is complete", () => this.#tiers(this.runs[0] ?? "").find((path) => {
      const state = join(path, "state", "cells", "cell-0.json");
      return existsSync(state) && readFileSync(state, "utf8").includes('"state":"complete"');
    }), 600);
    for (let index = this.cells - 1; index >= first; index -= 1) {
      for (const [folder, extension] of [["cells", ""], ["logs", ".log"]] as const) cpSync(join(tier, folder, `cell-0${extension}`), join(tier, folder, `cell-${index}${extension}`), { recursive: true });
      writeFileSync(join(tier, "state", "cells", `cell-${index}.json`), readFileSync(join(tier, "state", "cells", "cell-0.json"), "utf8").replace('"cell-0"', `"cell-${index}"`));
    }
  }

  /** The run's folder on its file system. */
  #tiers(run: string): string[] {
    return globSync(join(this.scratch.sandboxDirectory, "filesystems", "*", "holdfast", "scratch", this.scratch.stack, run));
  }

  async approve(run: string): Promise<void> {
    const name = this.scratch.custody(run).view().resources.get("instance")?.name ?? "";
    await this.time(() => this.scratch.holdfast("approve", ...this.reference(run), "--confirm", name));
  }

  /** Bytes of the stack's state file, and of the resources in it that are ours; how many of them are dynamic ones. */
  async state(): Promise<{ readonly file: number; readonly own: readonly number[]; readonly dynamic: number }> {
    const resources = await this.scratch.resources();
    const own = resources.filter(({ type }) => type.includes("holdfast:")).map((resource) => JSON.stringify(resource).length);
    return { file: statSync(join(this.scratch.directory, "state", ".pulumi", "stacks", "scratch", `${this.scratch.stack}.json`)).size, own, dynamic: resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/")).length };
  }

  /** Bytes and lines of the run's ledger. */
  ledger(run: string): { readonly bytes: number; readonly lines: number } {
    const text = readFileSync(join(this.scratch.custody(run).dir, "ledger.jsonl"), "utf8");
    return { bytes: text.length, lines: text.trim().split("\n").length };
  }

  /** The URN of a run's component, for --target. */
  async component(run: string): Promise<string> {
    return (await this.scratch.resources()).find(({ urn }) => urn.endsWith(`holdfast:index:TrainingRun::${run}`))?.urn ?? "";
  }

  async end(): Promise<void> {
    await this.scratch.close();
  }
}

const program = (names: readonly string[]): string => `const { TrainingRun } = require("holdfast");
const names = ${JSON.stringify(names)};
const args = { platform: "lambda", job: "job/job.yaml", storage: { create: {} }, teardown: { verb: "terminate", storage: "delete" }, capacity: { candidates: ["cpu_4x_general"], maxHourlyUsd: 1 }, budget: { maxHours: 2, maxUsd: 2 }, lambda: { endpoint: "sandbox", image: { family: "lambda-stack-24-04" } } };
for (const name of names) new TrainingRun(name, { ...args, otherRuns: names.filter((other) => other !== name) });
`;
