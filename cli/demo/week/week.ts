/** The week's own world, and what every day works with. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeSshKeyPair } from "../../../providers/lambda/sshKeyPair";
import type { CommandOutcome } from "../commands";
import { Commands } from "../commands";
import { expect, tail } from "../expect";
import type { Narrator } from "../narrator";
import { essentialLine, refusalIn, saidIn } from "../pulumiOutput";
import type { DemoWorld } from "../stage";
import { until } from "../until";
import { Vendor } from "../vendor";
import { Checkout } from "./checkout";
import type { SeenCell, TierFile } from "./tier";
import { Tier } from "./tier";
import { WeekTime } from "./time";

export class WeekWorld implements DemoWorld {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-week-"));
  readonly vendor = new Vendor(join(this.directory, "cloud"));
  readonly time: WeekTime;
  readonly you: Checkout;
  readonly colleague: Checkout;
  /** The colleague's own SSH key: all that they bring. */
  readonly sshKey = makeSshKeyPair("colleague");
  readonly sshKeyFile = join(this.directory, "colleague-ssh-key");
  readonly started = Date.now();
  /** What lay on the file system when somebody last looked, by run. */
  readonly seenLast = new Map<string, { readonly doneAt: number | null; readonly files: readonly TierFile[] }>();
  private readonly commands: Commands;

  constructor(
    readonly narrator: Narrator,
    readonly signal: AbortSignal,
    appearance: Readonly<Record<string, string>>,
  ) {
    // This process opens both checkouts: what points somewhere else points both at one place.
    for (const name of ["HOLDFAST_CUSTODY_DIR", "HOLDFAST_PROJECT_ROOT", "HOLDFAST_CUSTODY_STORE", "HOLDFAST_COPIES", "PULUMI_STACK", "CI"]) Reflect.deleteProperty(process.env, name);
    process.env.HOLDFAST_SANDBOX_DIR = this.vendor.directory;
    this.time = new WeekTime(this.vendor, signal);
    this.commands = new Commands(signal);
    mkdirSync(join(this.directory, "state"));
    writeFileSync(this.sshKeyFile, this.sshKey.privateKey, { mode: 0o600 });
    const checkout = (name: string): Checkout =>
      new Checkout({ name, directory: join(this.directory, name, "week"), home: join(this.directory, name, "home"), variables: this.variables }, this.commands, appearance);
    this.you = checkout("you");
    this.colleague = checkout("colleague");
  }

  /** The state that a team shares, and the account at the vendor. */
  get variables(): Readonly<Record<string, string>> {
    return {
      HOLDFAST_SANDBOX_DIR: this.vendor.directory,
      PULUMI_BACKEND_URL: pathToFileURL(join(this.directory, "state")).href,
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
  }

  /** Before the storage goes: what of each run lies there, whoever is to have a copy of it. */
  lastLook(tier: Tier): void {
    for (const run of allRuns) this.seenLast.set(run, { doneAt: tier.doneAt(run), files: tier.files(run) });
  }

  async close(keep: boolean): Promise<void> {
    this.time.close();
    await this.commands.idle();
    if (keep) return;
    await this.vendor.reset();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Stacks and runs have one name each. */
export const allRuns = ["sweep", "night", "probe"] as const;

export type Day = (week: WeekWorld) => Promise<void>;

export interface Typing {
  /** What is shown of it. Default: what it printed; of the engine's output the lines that say what was done. */
  readonly show?: "all" | "nothing" | RegExp;
  /** Default: 0. */
  readonly exits?: number | "refused";
}

/** Types a line as a person would, shows what it printed, and holds it to its exit code. */
export async function typed(week: WeekWorld, who: Checkout, line: string, { show = "all", exits = 0 }: Typing = {}): Promise<CommandOutcome> {
  const { narrator } = week;
  narrator.command(line, who.person.name);
  const outcome = await narrator.during(`${week.time.label}: ${line}`, who.type(line));
  const asExpected = exits === "refused" ? outcome.exitCode !== 0 : outcome.exitCode === exits;
  expect(line, exits === "refused" ? "a refusal" : `exit code ${exits}`, asExpected, `exit code ${outcome.exitCode}\n${tail(outcome.output, 40)}`);
  const printed = line.startsWith("pulumi ") ? engineLines(outcome.output) : outcome.stdout.trimEnd().split("\n");
  const lines = printed.filter((text) => show === "all" || (show !== "nothing" && show.test(text)));
  if (lines.some((text) => text.trim() !== "")) narrator.output(lines.join("\n"));
  return outcome;
}

/** What the engine did, and what resources and gate said, each line once. */
function engineLines(output: string): readonly string[] {
  const refusal = refusalIn(output);
  if (refusal !== null) return refusal.split("\n");
  const done = output.split("\n").flatMap((line) => essentialLine(line) ?? []);
  return [...new Set([...saidIn(output), ...done])];
}

/** Types what is nobody's news: it must succeed, and is neither shown nor told. */
export async function quietly(week: WeekWorld, who: Checkout, line: string): Promise<string> {
  const { exitCode, output, stdout } = await who.type(line);
  expect(line, "exit code 0", exitCode === 0, tail(output, 40));
  week.signal.throwIfAborted();
  return stdout;
}

/** Hours pass until then. Where a cell ends meanwhile, time goes slowly until the queue has the next one: a machine is not idle for the script. */
export async function pass(week: WeekWorld, hour: number): Promise<void> {
  const { time, narrator } = week;
  const tick = (): void => { narrator.progress(`${time.label}: time passes`); };
  const tier = await Tier.of(week.vendor);
  for (;;) {
    const next = allRuns.flatMap((run) => ({ run, ...(tier.training(run) ?? { cell: "", ends: Infinity }) })).sort((a, b) => a.ends - b.ends)[0];
    if (next === undefined || next.ends > hour) break;
    await time.passUntil(next.ends, tick);
    await until(
      { step: next.run, what: `${next.cell} to end, and the next cell to train`, seconds: 60, signal: week.signal, everyMilliseconds: 100, look: () => Promise.resolve(tier.training(next.run)), describe: (seen) => seen?.cell ?? "nothing" },
      (seen) => (seen !== null && seen.cell !== next.cell) || tier.doneAt(next.run) !== null,
    );
  }
  await time.passUntil(hour, tick);
}

/** Until the run's last cell is about to be complete, at the speed at which idling is paid for. */
export async function passToTheEnd(week: WeekWorld, run: string): Promise<void> {
  const { time, narrator } = week;
  const tick = (): void => { narrator.progress(`${time.label}: time passes`); };
  const training = (await Tier.of(week.vendor)).training(run);
  expect(run, "a cell that trains", training !== null, "none");
  await pass(week, training.ends - 0.3);
  await time.approach(training.ends, tick);
}

/** Everything as it is now goes into git, so that a keeper may bring it up. */
export async function commit(week: WeekWorld, message: string): Promise<void> {
  await quietly(week, week.you, "git add -A");
  await quietly(week, week.you, `git -c user.name=you -c user.email=you@example.com commit -q -m '${message}'`);
}

/** Waits until a cell is as it should be, by looking at the file system. */
export async function cellIs(week: WeekWorld, tier: Tier, run: string, cell: string, what: string, holds: (seen: SeenCell) => boolean): Promise<SeenCell> {
  const seen = await until(
    {
      step: `${run}/${cell}`, what, seconds: 40, signal: week.signal, everyMilliseconds: 100,
      look: () => Promise.resolve(tier.cell(run, cell)),
      describe: (last) => (last === null ? "no such cell" : JSON.stringify(last)),
    },
    (now) => now !== null && holds(now),
  );
  expect(`${run}/${cell}`, what, seen !== null, "no such cell");
  return seen;
}

/** The instance's name, which a person types to confirm. */
export function machineOf(who: Checkout, run: string): string {
  const name = who.custody(run).view().resources.get("instance")?.name;
  expect(run, "an instance in the ledger", name !== undefined, "none");
  return name;
}
