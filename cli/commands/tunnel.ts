/** holdfast tunnel: a port of the run's machine on this computer's loopback, for as long as somebody looks at it. */
import { Command, InvalidArgumentError } from "commander";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { openRun } from "../runs/project";
import type { Session } from "../terminal";

interface Ports {
  readonly local: number;
  readonly remote: number;
}

export function tunnelCommand(cli: Cli): Command {
  return new Command("tunnel")
    .summary("a port of the run's machine on this computer")
    .description("show a port of the run's machine (TensorBoard, Jupyter) on this computer's loopback, until Ctrl-C. Nobody else can reach it: both ends are bound to 127.0.0.1")
    .argument("<port[:remote]>", "port on this computer, and the machine's where it is another one", parsePorts)
    .argument(runArgument, runArgumentHelp)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["holdfast tunnel 6006", "TensorBoard of the live run at http://127.0.0.1:6006/"], ["holdfast tunnel 9000:8888 digits", "the machine's 8888 as 9000 here"], ["holdfast tunnel 6006 --json", "one JSON object once it is open"]),
    )
    .action(cli.action((session, [ports, run]: [Ports, string | undefined]) => open(session, ports, run)));
}

async function open(session: Session, ports: Ports, text: string | undefined): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "tunnel");
  const { forwardCommandLine } = await import("../../providers/ssh/forRun.js");
  const { keepForwarding, portIsFree } = await import("../runs/tunnel.js");
  if (forwardCommandLine(run, ports) === null) throw new UserError(`No machine of ${runId(run.ref)} is known to stand.`, { code: "no-machine", next: ["holdfast ls", "holdfast audit (asks the vendor)"] });
  if (!(await portIsFree(ports.local))) {
    throw new UserError(`Port ${ports.local} of this computer is taken by another program, or may not be used by you.`, { code: "usage", next: [`holdfast tunnel ${ports.local === 65_535 ? 8080 : ports.local + 1}:${ports.remote}${text === undefined ? "" : ` ${text}`}`] });
  }
  const url = `http://127.0.0.1:${ports.local}/`;
  await keepForwarding({
    commandLine: () => forwardCommandLine(run, ports),
    ports,
    signal: session.signal,
    clock: session.clock,
    onOpen: (again) => {
      if (again) session.note("Connected again.");
      else if (session.json) session.printJson({ run: runId(run.ref), url, local: { host: "127.0.0.1", port: ports.local }, remote: { host: "127.0.0.1", port: ports.remote } });
      else session.print(`${url} is port ${ports.remote} on the machine of ${runId(run.ref)}. Ctrl-C ends it.`);
    },
    onNote: (note) => {
      session.note(session.notePaint("warn", note));
    },
  });
  return undefined;
}

function parsePorts(text: string): Ports {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  const [local, remote] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  const isPort = (port: number): boolean => port >= 1 && port <= 65_535;
  if (!isPort(local) || !isPort(remote)) throw new InvalidArgumentError("a port such as 6006, or HERE:THERE such as 9000:8888");
  return { local, remote };
}
