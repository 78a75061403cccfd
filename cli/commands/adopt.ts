/** holdfast adopt: a machine that somebody made by hand, under the eyes of Holdfast: read, pulled, proven, and never touched. */
import { Command } from "commander";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { formatBytes, formatDuration, formatUsd, plural } from "../render/units";
import type { Adopted } from "../runs/adopt";
import { openRun } from "../runs/project";
import type { Session } from "../terminal";

interface AdoptOptions {
  readonly instance?: string;
  readonly ssh?: string;
  readonly artifacts?: string;
  readonly name?: string;
  readonly key?: string;
  readonly stack?: string;
  readonly release?: boolean;
}

export function adoptCommand(cli: Cli): Command {
  return new Command("adopt")
    .summary("read, pull and prove a machine that was rented by hand")
    .description("take a machine that Holdfast did not make under its eyes, to be read only: status, pull, verify and audit know it; nothing in Holdfast can end or change it")
    .argument("[run]", "with --release: the adopted run")
    .option("--instance <id>", "id or name of an instance, asked for at the API of the stack's config")
    .option("--ssh <user@host[:port]>", "a machine by its address, any vendor's or your own")
    .option("--artifacts <dir>", "the folder on it that holds the checkpoints (absolute)")
    .option("--name <run>", "what to call it here: lower-case letters, digits and dashes")
    .option("--key <file>", "your private SSH key that the machine accepts (default: whatever your ssh offers)")
    .option("-s, --stack <stack>", "stack that it belongs to, and whose API is asked (default: PULUMI_STACK, or the only one)")
    .option("--release", "stop looking at it; what was pulled and the evidence stay, and the machine too")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast adopt --instance ID --artifacts /home/ubuntu/out --name llama", "the vendor says where and for how much"],
        ["holdfast adopt --ssh me@192.0.2.7:2222 --artifacts /data/run7 --name run7", "nobody is asked; its price is not known"],
        ["holdfast pull run7", "then: copies, compares, loads, signs a receipt"],
        ["holdfast adopt --release run7", "whoever made it has ended it"],
      ),
    )
    .action(cli.action((session, [run]: [string | undefined], options: AdoptOptions) => adopt(session, run, options)));
}

async function adopt(session: Session, text: string | undefined, options: AdoptOptions): Promise<ExitCode | undefined> {
  if (options.release === true) return release(session, text ?? options.name);
  if (text !== undefined) throw usage(`"${text}" is one word too many; the run is named with --name.`, [`--name ${text}`]);
  const { projectRootFrom, RUN_NAME } = await import("../../custody/index.js");
  const { instance, ssh, artifacts, name } = options;
  if ((instance === undefined) === (ssh === undefined)) throw usage("Say which machine, in one of two ways.", ["--instance ID (the vendor is asked)", "--ssh user@host[:port]"]);
  if (artifacts === undefined || !artifacts.startsWith("/")) throw usage(artifacts === undefined ? "Say which folder on the machine holds the checkpoints." : `--artifacts is "${artifacts}"; it must be an absolute path on the machine.`, ["--artifacts /home/ubuntu/out"]);
  if (name === undefined || !RUN_NAME.test(name)) throw usage(name === undefined ? "Say what to call it here." : `--name is "${name}"; allowed are lower-case letters, digits and dashes, at most 41.`, ["--name by-hand"]);
  const key = options.key === undefined ? null : resolve(session.terminal.cwd, options.key);
  if (key !== null && !existsSync(key)) throw new UserError(`There is no key file ${key}.`, { code: "not-found" });
  const { adoptMachine } = await import("../runs/adopt.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  const adopted = await adoptMachine(session, root, { name, stack: options.stack, instance, ssh, artifacts, key });
  if (session.json) session.printJson({ ...adopted, run: runId(adopted.run.ref) });
  else session.print(render(session, adopted));
  return undefined;
}

async function release(session: Session, text: string | undefined): Promise<ExitCode | undefined> {
  if (text === undefined) throw usage("Say which run is to be released.", ["holdfast adopt --release RUN", "holdfast ls"]);
  const { run } = await openRun(session, text, "adopt --release");
  const { releaseMachine } = await import("../runs/adopt.js");
  const { whoTypes } = await import("../../custody/index.js");
  const released = releaseMachine(run, whoTypes());
  if (session.json) session.printJson({ run: runId(run.ref), ...released });
  else {
    session.print(`Nobody looks at ${released.machine} any more. It stands, and bills, as before: Holdfast ended nothing.`);
    if (!released.pulled) session.print(session.paint("warn", "Nothing of it was ever pulled."));
  }
  return undefined;
}

function render(session: Session, { run, outcome, machine, platform, folder, hostKey, launchName }: Adopted): string {
  const { paint } = session;
  const word = { adopted: "Adopted, to be read only", renewed: "Adopted anew", known: "Adopted already" }[outcome];
  const price = machine.hourlyUsd === null ? "price not known" : `${formatUsd(machine.hourlyUsd)} per hour`;
  const { newest } = folder;
  return [
    `${paint("good", `${word}:`)} ${runId(run.ref)} is ${[...new Set([machine.name, machine.address])].join(" at ")} (${platform}, ${price}).`,
    `  ${folder.directory}: ${plural(folder.files, "file")}, ${formatBytes(folder.bytes)}${newest === null ? "" : `; the newest, ${newest.path}, was written ${formatDuration(Math.max(0, newest.ageSeconds))} ago`}`,
    ...(hostKey === null ? [] : [`  host key ${hostKey}, recorded at first contact; compare it with what the machine's console says`]),
    ...(folder.files === 0 ? [paint("warn", "  Nothing lies there yet.")] : []),
    ...linkWarnings(folder).map((line) => paint("warn", `  ${line}`)),
    ...(launchName === null ? [] : [paint("warn", `  Holdfast launched it as ${launchName}: if its run is kept in another checkout, work there, or holdfast recover it.`)]),
    `  ${paint("faint", "next:")} holdfast pull ${runId(run.ref)}`,
  ].join("\n");
}

/** A link is not followed: what it names elsewhere would be lost with the machine. */
function linkWarnings({ leadingOut }: Adopted["folder"]): string[] {
  if (leadingOut.length === 0) return [];
  return [`What these links name lies outside of the folder and is not copied with it: ${leadingOut.slice(0, 5).join(", ")}${leadingOut.length > 5 ? ", ..." : ""}. Adopt that folder too, under another name, if it counts.`];
}

const usage = (message: string, next: readonly string[]): UserError => new UserError(message, { code: "usage", next: [...next] });
