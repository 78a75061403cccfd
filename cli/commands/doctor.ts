/** holdfast doctor: is everything in place that a run, and above all its end, will need? */
import { Command } from "commander";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { Check } from "../doctor/check";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { plural } from "../render/units";
import type { Session } from "../terminal";

export function doctorCommand(cli: Cli): Command {
  return new Command("doctor")
    .summary("check engine, programs, custody, ledgers, locks")
    .description("check engine, programs, custody, keys, ledgers, locks in state and the sandbox")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast doctor", "exit code 2 when something needs to be mended"]))
    .action(cli.action((session) => examine(session)));
}

async function examine(session: Session): Promise<ExitCode | undefined> {
  const { projectRootFrom } = await import("../../custody/index.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  const { machineChecks } = await import("../doctor/machine.js");
  const { custodyChecks, stacksOfRuns } = await import("../doctor/custody.js");
  const { stateChecks } = await import("../doctor/state.js");
  const { projectEngineEnvironment } = await import("../runs/projectEngine.js");
  const checks = [...(await machineChecks(await projectEngineEnvironment(root, session.env))), ...custodyChecks(root, session.clock), ...(await stateChecks(root, session.env, stacksOfRuns(root, session.clock))), ...(await sandboxChecks(session, root))];
  const faults = checks.filter((check) => check.state === "fault");
  if (session.json) session.printJson({ checks });
  else session.print(render(session, checks));
  return faults.length > 0 ? exitCodes.usage : undefined;
}

async function sandboxChecks(session: Session, root: string): Promise<Check[]> {
  const { describeSandbox } = await import("../runs/sandboxDir.js");
  return [{ name: "sandbox", state: "ok", detail: await describeSandbox(root, session.env) }];
}

function render(session: Session, checks: readonly Check[]): string {
  const { paint } = session;
  const marks = { ok: paint("good", "ok   "), note: paint("warn", "note "), fault: paint("bad", "fault") } as const;
  const width = Math.max(...checks.map((check) => check.name.length));
  const lines = checks.flatMap((check) => [
    `${marks[check.state]}  ${check.name.padEnd(width)}  ${check.detail}`,
    ...(check.next ?? []).map((step) => `${" ".repeat(width + 9)}${paint("faint", "next:")} ${step}`),
  ]);
  const faults = checks.filter((check) => check.state === "fault").length;
  return [...lines, "", faults === 0 ? paint("good", "Nothing to mend.") : paint("bad", `${plural(faults, "fault")} to mend.`)].join("\n");
}
