/** Long work, step by step: a live list on a terminal (listr2), a line now and then in a pipe, nothing with --json. */
import type { ListrDefaultRendererLogLevels } from "listr2";
import type { Session } from "../terminal";
import { formatDuration } from "./units";

export interface Step {
  readonly title: string;
  /** `report` replaces the detail shown beside the title; the returned text stays when the step is done. */
  run(report: (detail: string) => void): Promise<string | undefined>;
}

/** In a pipe a step that goes on says so this often, in milliseconds. */
const speakEvery = 2500;

/** Runs the steps in order; the first failure ends the list and is thrown. */
export async function runSteps(session: Session, steps: readonly Step[]): Promise<void> {
  if (session.json) {
    for (const step of steps) await step.run(() => undefined);
  } else if (session.terminal.stderr.isTTY === true && session.env.TERM !== "dumb") {
    await runLive(steps);
  } else {
    for (const step of steps) await runPlain(session, step);
  }
}

async function runLive(steps: readonly Step[]): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import("listr2");
  // The list is drawn on stderr: stdout carries the result.
  const logger = new ListrLogger<ListrDefaultRendererLogLevels>({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  await new Listr(
    steps.map((step) => ({
      title: step.title,
      task: async (_context: unknown, task: { title: string; output: string }) => {
        const result = await step.run((detail) => {
          task.output = detail;
        });
        if (result !== undefined) task.title = `${step.title}: ${result}`;
      },
    })),
    { rendererOptions: { logger, collapseErrors: false, showErrorMessage: false }, registerSignalListeners: false, exitOnError: true },
  ).run();
}

async function runPlain(session: Session, step: Step): Promise<void> {
  const started = session.clock.now().getTime();
  let spoken = started;
  session.note(`${step.title} ...`);
  const result = await step.run((detail) => {
    const now = session.clock.now().getTime();
    if (now - spoken < speakEvery) return;
    spoken = now;
    session.note(`  ${detail}`);
  });
  const took = formatDuration((session.clock.now().getTime() - started) / 1000);
  session.note(`  ${result === undefined ? "done" : result} (${took})`);
}
