/** What every step of the demo works with. */
import type { RunCustody } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { Session, processTerminal } from "../terminal";
import type { StatusReport } from "../runs/status";
import { readStatus } from "../runs/status";
import { RemoteUnreachable } from "../../custody/remote";
import type { RemoteCell } from "../runs/remoteStatus";
import { formatDuration } from "../render/units";
import { stepOf } from "../runs/checkpointStep";
import type { Narrator } from "./narrator";
import type { World } from "./world";

export interface Demo {
  readonly world: World;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly plan: Plan;
}

export type DemoStep = (demo: Demo) => Promise<void>;

export const runName = (demo: Demo): string => demo.plan.run.name;
export const runOf = (demo: Demo): RunCustody => demo.world.custody(runName(demo));

/** One look at the run, as `holdfast status` takes it. A machine that does not answer for a moment is looked at again. */
export async function look(demo: Demo): Promise<StatusReport> {
  const session = new Session(processTerminal(), true);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const report = await readStatus(session, runOf(demo));
      if (report.remote !== null || attempt >= 3) return report;
    } catch (error) {
      if (!(error instanceof RemoteUnreachable) || attempt >= 3) throw error;
    }
  }
}

export const cellsOf = (report: StatusReport): readonly RemoteCell[] => report.remote?.cells ?? [];

export const cellNamed = (report: StatusReport, name: string): RemoteCell | undefined => cellsOf(report).find((cell) => cell.cell === name);

/** One line: where every cell is and how old its newest checkpoint is. */
export function progressLine(demo: Demo, report: StatusReport): string {
  if (report.remote === null) return `the machine does not answer: ${report.unreachable ?? "unknown"}`;
  return demo.plan.cells
    .map(({ name }) => {
      const cell = cellNamed(report, name);
      if (!cell || cell.state === "pending") return `${name}: waiting`;
      if (cell.state === "complete") return `${name}: complete`;
      const checkpoint = cell.newestCheckpoint;
      const attempt = (cell.attempt ?? 1) > 1 ? `, attempt ${cell.attempt}` : "";
      return `${name}: ${cell.state}${attempt}${checkpoint ? `, ${stepText(checkpoint.path)} saved ${formatDuration(checkpoint.ageSeconds)} ago` : ""}`;
    })
    .join("  |  ");
}

export function stepText(path: string): string {
  const step = stepOf(path);
  return step === null ? (path.split("/").at(-1) ?? path) : `step ${step}`;
}
