/** The frame around both demos: options, Ctrl-C, what is said when a step fails, and cleaning up whatever happens. */
import { parseArgs } from "node:util";
import { messageOf, UserError } from "../../custody/userError";
import { Interrupted } from "../exitCodes";
import type { OutputStream } from "../render/paint";
import { formatDuration } from "../render/units";
import { DemoFault } from "./expect";
import { Narrator } from "./narrator";

/** What a demo plays in, all of it in one temporary folder. */
export interface DemoWorld {
  readonly directory: string;
  /** For whoever looks around after --keep. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ends what the demo started and removes the folder; with `keep`, neither. */
  close(keep: boolean): Promise<void>;
}

export interface Play<W extends DemoWorld> {
  readonly usage: string;
  readonly chapters: number;
  /** See Narrator. */
  readonly speakEvery?: number;
  /** Understands --json: stdout is the result, and everything else is said on stderr. */
  readonly json?: boolean;
  makeWorld(narrator: Narrator, signal: AbortSignal): W;
  /** The exit code. Throws DemoFault when a step did not do what it should. */
  tell(stage: Stage<W>): Promise<number>;
}

export interface Stage<W> {
  readonly world: W;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly json: boolean;
  /** Since the beginning, as text. */
  readonly elapsed: () => string;
}

/** Plays it to its end and resolves with the exit code: 0, 1 a step failed, 2 wrong usage, 130 interrupted. Never throws. */
export async function perform<W extends DemoWorld>(play: Play<W>): Promise<number> {
  const options = readOptions(play);
  if (typeof options === "number") return options;
  const interrupt = new AbortController();
  const out: OutputStream = options.json ? process.stderr : process.stdout;
  const narrator = new Narrator(out, process.env, play.chapters, Date.now, play.speakEvery);
  const onSignal = (): void => {
    interrupt.abort(new Interrupted());
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  const started = Date.now();
  const world = play.makeWorld(narrator, interrupt.signal);
  let code: number;
  try {
    code = await play.tell({ world, narrator, signal: interrupt.signal, json: options.json, elapsed: () => formatDuration((Date.now() - started) / 1000) });
  } catch (error) {
    code = report(narrator, error, interrupt.signal.aborted);
  }
  return cleanUp(world, narrator, options.keep, code);
}

function report(narrator: Narrator, error: unknown, interrupted: boolean): number {
  narrator.line("");
  if (interrupted) {
    narrator.bad("Interrupted; cleaning up.");
    return 130;
  }
  if (error instanceof DemoFault) {
    narrator.bad(`The step "${error.step}" did not do what it should.`);
    narrator.say(`  expected: ${error.expected}`);
    narrator.say("  seen:");
    narrator.output(error.seen);
    return 1;
  }
  narrator.bad(error instanceof UserError ? error.paragraph : messageOf(error));
  if (!(error instanceof UserError) && error instanceof Error && error.stack) narrator.output(error.stack);
  return 1;
}

async function cleanUp(world: DemoWorld, narrator: Narrator, keep: boolean, code: number): Promise<number> {
  try {
    await narrator.during("cleaning up", world.close(keep));
  } catch (error) {
    narrator.bad(`Cleaning up failed: ${messageOf(error)}`);
    narrator.say(`  next: rm -rf ${world.directory}`);
    return code === 0 ? 1 : code;
  }
  if (keep) {
    const variables = Object.entries(world.variables).map(([name, value]) => `${name}='${value}'`);
    narrator.say(`Kept: ${world.directory} (sandbox still running). To look around:`);
    narrator.output(`export ${variables.join(" ")}\nholdfast sandbox reset; rm -rf '${world.directory}'   # when you are done`);
  } else {
    narrator.say("Cleaned up: the sandbox has ended, its instances and the temporary folder are gone.");
  }
  return code;
}

function readOptions(play: Pick<Play<DemoWorld>, "usage" | "json">): { keep: boolean; json: boolean } | number {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({ options: { keep: flag, help: { ...flag, short: "h" }, ...(play.json === true ? { json: flag } : {}) } });
    if (!values.help) return { keep: values.keep, json: (values as { json?: boolean }).json === true };
    process.stdout.write(`${play.usage}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${play.usage}\n`);
    return 2;
  }
}
