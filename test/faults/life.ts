/** One life of a run, from up to destroy, in which one thing goes wrong; then only what a person would naturally type next. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandResult } from "../engine/stack";
import { ScratchStack } from "../engine/stack";
import { atVendor, rosterComplete } from "../engine/steps";
import { variables } from "./inject";
import type { Fault, FaultPoint, Phase } from "./point";
import { parsePoint, phases } from "./point";
import { striking, watched } from "./preload";

export interface LifeReport {
  readonly fault: Fault | null;
  /** The point was reached and the fault happened. */
  readonly struck: boolean;
  /** Commands beyond repeating the one that failed: `pulumi cancel`, `pulumi refresh --clear-pending-creates`, a pull and approval anew. */
  readonly interventions: readonly string[];
  /** Sentences that say what went wrong for good; empty when nothing did. */
  readonly failures: readonly string[];
  /** Everything that stood at the vendor and that neither state nor ledger knew, right after the fault. */
  readonly untracked: readonly string[];
  readonly artifactsLost: readonly string[];
}

/** Points of an undisturbed life, in the order in which they were passed. */
export async function recordLife(): Promise<FaultPoint[]> {
  return withLife(async (life) => {
    const record = join(life.scratch.directory, "points");
    for (const phase of phases) await life.doWell(phase, { [variables.record]: record });
    return readFileSync(record, "utf8").split("\n").filter((line) => line !== "").map(parsePoint);
  });
}

/** Lives a life with this fault in it. Rejects only when the harness itself fails. */
export async function liveThrough(fault: Fault): Promise<LifeReport> {
  return withLife(async (life) => {
    const mark = join(life.scratch.directory, "struck");
    for (const phase of phases) {
      if (phase !== fault.phase) await life.converge(phase);
      else await life.disturbed(phase, striking(fault, mark));
    }
    await life.examineTheEnd();
    return { fault, struck: existsSync(mark), interventions: life.interventions, failures: life.failures, untracked: life.untracked, artifactsLost: life.artifactsLost };
  });
}

async function withLife<T>(body: (life: Life) => Promise<T>): Promise<T> {
  const scratch = await ScratchStack.create();
  try {
    return await body(new Life(scratch));
  } finally {
    await scratch.close();
  }
}

const mostTries = 6;

class Life {
  readonly interventions: string[] = [];
  readonly failures: string[] = [];
  readonly untracked: string[] = [];
  readonly artifactsLost: string[] = [];

  constructor(readonly scratch: ScratchStack) {}

  /** Runs one phase that must succeed at once. */
  async doWell(phase: Phase, environment: Record<string, string>): Promise<void> {
    const result = await this.attempt(phase, environment);
    if (result.exitCode !== 0) throw new Error(`${phase} failed in an undisturbed life:\n${result.output}`);
    await this.settle(phase);
  }

  /** Runs one phase with the fault in it, looks at once at what stands, then goes on as a person would. */
  async disturbed(phase: Phase, environment: Record<string, string>): Promise<void> {
    const result = await this.attempt(phase, environment);
    await this.examineWhatStands();
    if (result.exitCode !== 0) await this.recover(phase, result);
    await this.converge(phase, result.exitCode === 0);
  }

  /** Repeats a phase, with what its output proposes in between, until it succeeds. */
  async converge(phase: Phase, done = false): Promise<void> {
    for (let tries = 1; !done; tries += 1) {
      const result = await this.attempt(phase, {});
      await this.examineWhatStands();
      if (result.exitCode === 0) break;
      if (tries === mostTries) {
        this.failures.push(`${phase} did not succeed in ${mostTries} tries; last: ${lastLines(result.output)}`);
        return;
      }
      await this.recover(phase, result);
    }
    await this.settle(phase);
  }

  /** After the last destroy nothing may stand, everything must be on record, and every artifact here. */
  async examineTheEnd(): Promise<void> {
    const { instances, filesystems, keys } = await atVendor(this.scratch);
    for (const left of [...instances, ...filesystems, ...keys]) this.failures.push(`still at the vendor after destroy: ${left.id}`);
    const meter = await this.scratch.sandbox<{ billing: { name: string }[]; resources: { kind: string; name: string; from: string; to: string | null }[] }>("/meter");
    for (const { name } of meter.billing) this.failures.push(`still billing after destroy: ${name}`);
    const spans = meter.resources.filter(({ kind }) => kind === "instance").sort((a, b) => (a.from < b.from ? -1 : 1));
    spans.slice(1).forEach((span, i) => {
      if ((spans[i]?.to ?? "9") > span.from) this.failures.push(`two instances billed at once: ${spans[i]?.name ?? ""} and ${span.name}`);
    });
    const run = this.scratch.custody();
    const view = run.view();
    if (view.openIntents.length > 0) this.failures.push(`open intents: ${view.openIntents.map(({ name }) => name).join(", ")}`);
    if (view.live.length > 0) this.failures.push(`the ledger thinks that these still live: ${view.live.map(({ role, id }) => `${role} ${id}`).join(", ")}`);
    if (view.auditClosed === null) this.failures.push("the audit did not close the ledger");
    for (const problem of run.evidenceProblems()) this.failures.push(`evidence that cannot be read: ${JSON.stringify(problem)}`);
    const verified = await this.scratch.holdfast("verify", "quick");
    if (verified.exitCode !== 0) this.artifactsLost.push(lastLines(verified.output));
  }

  /** Whatever exists must be found again from state or ledger, and there is never a second instance. */
  private async examineWhatStands(): Promise<void> {
    const { instances, filesystems, keys } = await atVendor(this.scratch);
    if (instances.length > 1) this.failures.push(`${instances.length} instances stand at once`);
    if (instances.length + filesystems.length + keys.length === 0) return;
    const known = JSON.stringify((await this.scratch.resources()).map(({ id, outputs }) => [id, outputs]));
    const ledger = readFileSync(join(this.scratch.custody().dir, "ledger.jsonl"), "utf8");
    const tracked = (...names: string[]): boolean => names.some((name) => known.includes(`"${name}"`) || ledger.includes(`"${name}"`));
    for (const { id, name } of [...instances, ...filesystems, ...keys]) if (!tracked(id, name)) this.untracked.push(`${name} ${id}`);
  }

  private async attempt(phase: Phase, environment: Record<string, string>): Promise<CommandResult> {
    const { scratch } = this;
    scratch.extraEnvironment = Object.keys(environment).length === 0
      ? {}
      : watched(phase, environment);
    try {
      switch (phase) {
        case "up":
          return await scratch.up();
        case "edit":
          scratch.writeJob((job) => (job.includes("name: c,") ? job : `${job}  - {name: c, args: ["2"]}\n`));
          return await scratch.up();
        case "pull":
          return await scratch.holdfast("pull");
        case "approve":
          return await scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? "");
        case "destroy":
          return await scratch.destroy();
        default:
          return phase satisfies never;
      }
    } finally {
      scratch.extraEnvironment = {};
    }
  }

  /** After an up the job goes on by itself; the next phase needs it complete. */
  private async settle(phase: Phase): Promise<void> {
    if (phase === "up") await rosterComplete(this.scratch);
    if (phase === "edit") await rosterComplete(this.scratch, 3);
  }

  /** What the messages propose; anything else is answered by the same command again. */
  private async recover(phase: Phase, { output }: CommandResult): Promise<void> {
    if (/stack is currently locked/i.test(output)) await this.intervene("pulumi cancel", this.scratch.pulumi("cancel", "--yes", "--stack", this.scratch.stack));
    if (/pending operations|--clear-pending-creates/i.test(output)) {
      await this.intervene("pulumi refresh --clear-pending-creates", this.scratch.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", this.scratch.stack));
    }
    if (phase === "destroy" && /holdfast pull/.test(output)) await this.intervene("holdfast pull", this.attempt("pull", {}));
    if (phase === "destroy" && /holdfast approve/.test(output)) await this.intervene("holdfast approve", this.attempt("approve", {}));
  }

  private async intervene(what: string, doing: Promise<CommandResult>): Promise<void> {
    const { exitCode } = await doing;
    this.interventions.push(exitCode === 0 ? what : `${what} (exit code ${exitCode})`);
  }
}

const lastLines = (output: string): string => output.trim().split("\n").slice(-8).join(" | ");
