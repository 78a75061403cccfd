/** holdfast sandbox: the embedded cloud; start, look, stop, forget. */
import { Command, InvalidArgumentError } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DaemonStatus, MeterReport } from "../../sandbox";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderFacts, renderTable } from "../render/table";
import { formatUsd } from "../render/units";
import { sandboxDirectory } from "../runs/sandboxDir";
import type { Session } from "../terminal";

interface SandboxOptions {
  readonly dir?: string;
}

interface StartOptions extends SandboxOptions {
  readonly foreground?: boolean;
  readonly timeScale?: number;
  readonly knobs?: string;
}

type SandboxHandler<O extends SandboxOptions> = (session: Session, directory: string, options: O) => Promise<ExitCode | undefined>;

export function sandboxCommand(cli: Cli): Command {
  const sub = <O extends SandboxOptions>(name: string, description: string, handler: SandboxHandler<O>): Command =>
    new Command(name)
      .description(description)
      .option("--dir <dir>", "state directory (default: HOLDFAST_SANDBOX_DIR, or .holdfast/sandbox in the project)")
      .addOption(jsonOption())
      .action(cli.action(async (session, _args: [], options: O) => handler(session, await directoryOf(session, options), options)));
  const startSub = sub<StartOptions>("start", "start it (detached), or say where it runs already", start)
    .option("--foreground", "stay in this terminal until Ctrl-C")
    .option("--time-scale <n>", "vendor seconds that pass in one real second (default 60; 1 is real time)", positiveNumber)
    .option("--knobs <file>", "behaviour as YAML: capacity, delays, faults (default: holdfast.sandbox.yaml of the project, when it is there)")
    .addHelpText("after", examples(["holdfast sandbox start", "a vendor minute passes in one second"], ["holdfast sandbox start --time-scale 1", "in real time: booting takes minutes"]));
  return new Command("sandbox")
    .summary("the embedded cloud: start, status, meter, stop, reset")
    .description("the embedded cloud: real instances on this machine, the vendor's API, a meter, no bill")
    .addCommand(startSub)
    .addCommand(sub("status", "where it runs, its instances, what would be billed", status))
    .addCommand(sub("stop", "end the daemon and its instances; disks and file systems stay", stop))
    .addCommand(sub("reset", "stop it and remove everything: instances, disks, file systems, meter", reset))
    .addCommand(sub("meter", "what would have been billed", meter));
}

async function directoryOf(session: Session, options: SandboxOptions): Promise<string> {
  const { projectRootFrom } = await import("../../custody/index.js");
  return sandboxDirectory(() => projectRootFrom(session.terminal.cwd, session.env), session.env, session.terminal.cwd, options.dir);
}

async function start(session: Session, directory: string, options: StartOptions): Promise<ExitCode | undefined> {
  const { ensureDaemon, runForeground } = await import("../../sandbox/index.js");
  const fromFile = await knobsOf(session, options);
  const knobs = options.timeScale === undefined && fromFile === null ? {} : { knobs: { ...fromFile, ...(options.timeScale === undefined ? {} : { timeScale: options.timeScale }) } };
  if (options.foreground) {
    await runForeground({ dir: directory, ...knobs }, (descriptor) => {
      if (session.json) session.printJson(descriptor);
      else session.print(`Sandbox listens at ${descriptor.url} (state in ${directory}); Ctrl-C ends it.`);
    });
    return undefined;
  }
  const descriptor = await ensureDaemon(directory, knobs);
  if (session.json) session.printJson(descriptor);
  else session.print(renderFacts(factsOf(directory, descriptor), { paint: session.paint }));
  if (options.timeScale !== undefined && descriptor.timeScale !== options.timeScale) {
    session.note(session.notePaint("warn", `It was running already, with time scale ${descriptor.timeScale}; stop it first to change that.`));
  }
  return undefined;
}

/** Null when nothing is set. The daemon itself refuses knobs it does not know, all at once. */
async function knobsOf(session: Session, { knobs }: StartOptions): Promise<Record<string, unknown> | null> {
  const path = knobs === undefined ? await projectKnobs(session) : resolve(session.terminal.cwd, knobs);
  if (path === null) return null;
  const { UserError } = await import("../../custody/index.js");
  const { parse } = await import("yaml");
  const fault = (text: string): Error => new UserError(`${path} ${text}`, { code: "config", next: ["sandbox/README.md lists the knobs"] });
  let value: unknown;
  try {
    value = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw fault(`cannot be read: ${(error as Error).message.split("\n")[0]}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault("is not a map of knobs.");
  return value as Record<string, unknown>;
}

/** A sandbox may be started outside any project, with --dir. */
async function projectKnobs(session: Session): Promise<string | null> {
  const { projectRootFrom } = await import("../../custody/index.js");
  try {
    const path = join(projectRootFrom(session.terminal.cwd, session.env), "holdfast.sandbox.yaml");
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

async function status(session: Session, directory: string): Promise<ExitCode | undefined> {
  const { daemonStatus } = await import("../../sandbox/index.js");
  const found = await daemonStatus(directory);
  if (session.json) session.printJson(found);
  else session.print(found.running ? renderStatus(session, directory, found) : `No sandbox runs in ${directory}.\n  ${session.paint("faint", "next:")} holdfast sandbox start`);
  return found.running ? undefined : exitCodes.notFound;
}

async function stop(session: Session, directory: string): Promise<ExitCode | undefined> {
  const { stopDaemon } = await import("../../sandbox/index.js");
  const stopped = await stopDaemon(directory);
  if (session.json) session.printJson({ stopped });
  else session.print(stopped ? "Stopped. Its instances have ended; they boot again at the next start, with their disks." : `No sandbox runs in ${directory}.`);
  return stopped ? undefined : exitCodes.notFound;
}

async function reset(session: Session, directory: string): Promise<ExitCode | undefined> {
  const { resetSandbox } = await import("../../sandbox/index.js");
  await resetSandbox(directory);
  if (session.json) session.printJson({ reset: true });
  else session.print(`Everything of the sandbox in ${directory} is gone: instances, disks, file systems, meter.`);
  return undefined;
}

async function meter(session: Session, directory: string): Promise<ExitCode | undefined> {
  const { daemonStatus } = await import("../../sandbox/index.js");
  const found = await daemonStatus(directory);
  if (!found.running) return status(session, directory);
  if (session.json) session.printJson(found.meter);
  else session.print(renderMeter(session, found.meter));
  return undefined;
}

const factsOf = (directory: string, descriptor: { url: string; pid: number; timeScale: number; apiKeyFile: string }): (readonly [string, string])[] => [
  ["API", descriptor.url],
  ["key", `$(cat ${descriptor.apiKeyFile})`],
  ["process", String(descriptor.pid)],
  ["time", descriptor.timeScale === 1 ? "real time" : `${descriptor.timeScale} vendor seconds per second`],
  ["state in", directory],
];

function renderStatus(session: Session, directory: string, found: Extract<DaemonStatus, { running: true }>): string {
  const { paint, width } = session;
  const rows = found.instances.map((instance) => [instance.name, instance.id, instance.status, instance.address ?? "-"]);
  const instances = rows.length === 0 ? "No instance stands." : renderTable(["instance", "id", "status", "address"], rows, { paint, width });
  return [renderFacts(factsOf(directory, found.descriptor), { paint }), "", instances, "", renderMeter(session, found.meter)].join("\n");
}

/** What would have been billed: list prices and the vendor's (scaled) time. */
export function renderMeter(session: Pick<Session, "paint" | "width">, report: MeterReport): string {
  const { paint } = session;
  const rows = report.resources.map((entry) => [entry.kind, entry.name, entry.hours.toFixed(2), formatUsd(entry.usd), entry.to === null ? paint("warn", "bills now") : "ended"]);
  const table = rows.length === 0 ? "Nothing was ever metered." : renderTable(["what", "name", "vendor hours", "would cost", ""], rows, { ...session, right: [2, 3] });
  return `${table}\n${formatUsd(report.totalUsd)} would have been billed; ${report.billing.length === 0 ? paint("good", "nothing bills now") : paint("warn", `${report.billing.length} still on the meter`)}.`;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("a number above 0, for example 60");
  return value;
}
