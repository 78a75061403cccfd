/** holdfast ls: every run this project's custody knows, with what it costs. */
import { Command } from "commander";
import type { Custody, RunCustody } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderTable } from "../render/table";
import { formatDuration, formatUsd, plural } from "../render/units";
import { costOf } from "../runs/cost";
import { isLive, openProject } from "../runs/project";
import type { RunState } from "../runs/select";
import type { Session } from "../terminal";

interface RunLine {
  readonly run: string;
  readonly platform: string | null;
  readonly state: RunState;
  readonly instance: string | null;
  readonly cells: { readonly total: number; readonly complete: number | null; readonly failed: number | null };
  /** null: not asked (without --remote), or no answer. */
  readonly checkpointAgeSeconds: number | null;
  readonly usdPerHour: number | null;
  readonly usdSoFar: number | null;
  readonly problem: string | null;
}

export function lsCommand(cli: Cli): Command {
  return new Command("ls")
    .summary("all runs: live or ended, cells, $ per hour, $ so far")
    .description("list all runs: live or ended, cells, dollars per hour and so far")
    .option("--live", "only runs that still stand")
    .option("--remote", "also ask each live machine for its cells and newest checkpoint")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast ls --live --remote", "what runs now, and how old its newest checkpoint is"]))
    .action(cli.action(async (session, _args: [], options: { live?: boolean; remote?: boolean }) => list(session, options)));
}

async function list(session: Session, options: { live?: boolean; remote?: boolean }): Promise<ExitCode | undefined> {
  const { custody } = await openProject(session);
  const lines: RunLine[] = [];
  for (const ref of custody.runs()) {
    const line = await describe(session, custody, ref, options.remote === true);
    if (options.live !== true || line.state !== "ended") lines.push(line);
  }
  if (session.json) session.printJson({ runs: lines });
  else if (lines.length === 0) session.print(options.live ? "No run is live." : "No runs yet. The first one begins with: pulumi up (or npm run up)");
  else session.print(renderLines(session, lines));
  return lines.length === 0 ? exitCodes.notFound : undefined;
}

async function describe(session: Session, custody: Custody, ref: RunRef, remote: boolean): Promise<RunLine> {
  const run = custody.run(ref);
  try {
    const view = run.view();
    const cost = costOf(run.entries(), session.clock.now());
    const state: RunState = isLive(view) ? "live" : "ended";
    const seen = remote && state === "live" ? await ask(session, run) : null;
    const cells = seen?.cells ?? run.newestManifest()?.cells ?? null;
    const count = (wanted: string): number | null => (cells === null ? null : cells.filter((cell) => cell.state === wanted).length);
    return {
      run: runId(ref),
      platform: view.endpoint.platform,
      state,
      instance: view.resources.get("instance")?.name ?? null,
      cells: { total: view.roster.size, complete: count("complete"), failed: count("failed") },
      checkpointAgeSeconds: seen?.checkpointAgeSeconds ?? null,
      usdPerHour: cost.usdPerHour,
      usdSoFar: cost.usdSoFar,
      problem: seen?.problem ?? null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const cells = { total: 0, complete: null, failed: null };
    return { run: runId(ref), platform: null, state: "unreadable", instance: null, cells, checkpointAgeSeconds: null, usdPerHour: null, usdSoFar: null, problem: error.message };
  }
}

interface Seen {
  readonly cells: readonly { readonly state: string }[] | null;
  readonly checkpointAgeSeconds: number | null;
  readonly problem: string | null;
}

async function ask(session: Session, run: RunCustody): Promise<Seen> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { readRemoteStatus } = await import("../runs/remoteStatus.js");
  const remote = remoteForRun(run, { clock: session.clock, attempts: 1 });
  if (remote === null) return { cells: null, checkpointAgeSeconds: null, problem: "no machine is known" };
  try {
    const status = await readRemoteStatus(run, remote);
    return { cells: status.cells, checkpointAgeSeconds: status.newestCheckpoint?.ageSeconds ?? null, problem: null };
  } catch (error) {
    if (error instanceof RemoteUnreachable || error instanceof UserError) return { cells: null, checkpointAgeSeconds: null, problem: error.message };
    throw error;
  } finally {
    await remote.close();
  }
}

function renderLines(session: Session, lines: readonly RunLine[]): string {
  const { paint } = session;
  const tones = { live: "good", ended: "faint", unreadable: "bad" } as const;
  const rows = lines.map((line) => [
    line.run,
    paint(tones[line.state], line.state),
    line.platform ?? "?",
    `${line.cells.complete ?? "?"}/${line.cells.total}${line.cells.failed ? paint("bad", ` ${line.cells.failed} failed`) : ""}`,
    line.checkpointAgeSeconds === null ? "-" : formatDuration(line.checkpointAgeSeconds),
    line.usdPerHour === null ? "?" : formatUsd(line.usdPerHour),
    line.usdSoFar === null ? "?" : formatUsd(line.usdSoFar),
  ]);
  const table = renderTable(["run", "state", "platform", "cells", "checkpoint", "$/h", "so far"], rows, { paint, right: [5, 6], width: session.width });
  const perHour = lines.reduce((sum, line) => sum + (line.usdPerHour ?? 0), 0);
  const live = lines.filter((line) => line.state === "live").length;
  const problems = lines.filter((line) => line.problem !== null).map((line) => paint("warn", `${line.run}: ${line.problem}`));
  return [table, "", `${plural(live, "run")} live, ${formatUsd(perHour)} per hour by list price.`, ...problems].join("\n");
}
