/** Passes over runs, once or again and again: each begins with what is on disk and in the shared store, and remembers nothing itself. */
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { messageOf } from "../../custody/userError";
import { keeperConfigSchema, type KeeperConfig } from "../../profiles/input/keeperConfig";
import { mapBounded } from "../runs/parallel";
import { knownRuns, openProject } from "../runs/project";
import { selectRun } from "../runs/select";
import { keeperConfigOf } from "./config";
import { copiesOf } from "./copies";
import { channelsOf, type Channel } from "./notify";
import { keepRun, type PassReport } from "./pass";
import { Session } from "../terminal";

export interface KeepOptions {
  readonly session: Session;
  /** As typed; empty: every run that is live. */
  readonly runs: readonly string[];
  /** Folder for the copies of all runs; null: the custody folder. */
  readonly to: string | null;
  /** null: one pass. */
  readonly everySeconds: number | null;
  readonly signal: AbortSignal;
  /** Called after each pass. */
  readonly onPass: (reports: readonly PassReport[]) => void;
}

/** Machines that are looked at at once. */
const atOnce = 4;

/** Returns the last pass: of the one, or once every run that was named has ended. Throws UserError for a name that is none; the signal's reason. */
export async function keep(options: KeepOptions): Promise<readonly PassReport[]> {
  for (;;) {
    options.signal.throwIfAborted();
    const reports = await passOver(options);
    options.onPass(reports);
    const over = options.runs.length > 0 && reports.every(({ state }) => state === "ended");
    if (options.everySeconds === null || over) return reports;
    await options.session.clock.sleep(options.everySeconds * 1000, options.signal);
  }
}

async function passOver({ session: outer, runs, to, everySeconds, signal }: KeepOptions): Promise<PassReport[]> {
  // A session of its own: what others recorded is fetched before, and what this pass recorded is brought to them after.
  const session = new Session(outer.terminal, outer.json);
  try {
    const { root, custody } = await openProject(session);
    const known = knownRuns(custody);
    const refs = runs.length > 0 ? runs.map((text) => selectRun(text, known, "keeper")) : known.filter(({ state }) => state !== "ended").map(({ ref }) => ref);
    const stacks = new Map<string, Stack>();
    for (const { stack } of refs) if (!stacks.has(stack)) stacks.set(stack, readStack(session, root, stack));
    return await mapBounded(unique(refs), atOnce, async (ref) => {
      const { config, channels, problem } = stacks.get(ref.stack) ?? { config: keeperConfigSchema.parse({}), channels: [], problem: null };
      const report = await keepRun({ session, projectRoot: root, custody, ref, config, channels, copies: copiesOf(ref, to, session.env), everySeconds, signal });
      return problem === null ? report : { ...report, problems: [problem, ...report.problems] };
    });
  } finally {
    await session.end();
  }
}

interface Stack {
  readonly config: KeeperConfig;
  readonly channels: readonly Channel[];
  readonly problem: string | null;
}

/** A config that cannot be read keeps nobody from being looked after: then the keeper does the least. */
function readStack(session: Session, root: string, stack: string): Stack {
  try {
    const config = keeperConfigOf(root, stack);
    return { config, channels: channelsOf({ config, projectRoot: root, env: session.env, clock: session.clock }), problem: null };
  } catch (error) {
    const config = keeperConfigSchema.parse({});
    return { config, channels: channelsOf({ config, projectRoot: root, env: session.env, clock: session.clock }), problem: messageOf(error).split("\n").slice(0, 2).join(" ") };
  }
}

function unique(refs: readonly RunRef[]): RunRef[] {
  return [...new Map(refs.map((ref) => [runId(ref), ref])).values()];
}
