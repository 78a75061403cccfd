/** holdfast trust: whose signatures count for this project, and for what; a file that is committed and reviewed. */
import { Command, Option } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { Custody, TrustedKey } from "../../custody";
import type { TrustRole } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderTable } from "../render/table";
import type { Session } from "../terminal";

const roles: readonly TrustRole[] = ["pull", "approve", "break-glass"];

export function trustCommand(cli: Cli): Command {
  const trust = new Command("trust")
    .summary("whose signatures count, and for what: show, add, remove, export")
    .description("whose signatures count for this project, and for what; holdfast.trust.yaml is meant to be committed, so that a change of it is reviewed")
    .addOption(jsonOption());
  trust
    .command("show", { isDefault: true })
    .description("the keys, what each may do, and which is this machine's")
    .addOption(jsonOption())
    .action(cli.action((session) => show(session)));
  trust
    .command("export")
    .description("print this machine's public key, for a colleague to add")
    .option("--name <name>", "under which it is to stand (default: user@host)")
    .addOption(rolesOption("what it is meant to do; whoever adds it decides"))
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast trust export > alice.yaml", "send this file; there is nothing secret in it"]))
    .action(cli.action((session, _args: [], options: KeyOptions) => exportKey(session, options)));
  trust
    .command("add")
    .description("write a colleague's public key into holdfast.trust.yaml")
    .argument("<file>", "what holdfast trust export printed there, or a public key in PEM form; - reads it from standard input")
    .option("--name <name>", "under which it stands (default: what the file says)")
    .addOption(rolesOption("what it may do (default: pull)"))
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast trust add alice.yaml --role pull approve", "she may pull and approve, not break glass"], ["holdfast trust add ci.pub --name ci --role pull", "a key that only pulls"]))
    .action(cli.action((session, [file]: [string], options: KeyOptions) => add(session, file, options)));
  trust
    .command("remove")
    .description("take a key out of holdfast.trust.yaml: nothing that it signed counts any more")
    .argument("<name>", "as holdfast trust show says it")
    .option("--anyway", "also when it is the last key that may approve, or pull")
    .addOption(jsonOption())
    .action(cli.action((session, [name]: [string], options: { readonly anyway?: boolean }) => remove(session, name, options)));
  return trust.addHelpText("after", examples(["holdfast trust", "who may do what"], ["holdfast trust export | ssh ALICE 'cd project && holdfast trust add - --role pull'", "introduce this machine to another"]));
}

const rolesOption = (description: string): Option => new Option("--role <role...>", description).choices([...roles]);

interface KeyOptions {
  readonly name?: string;
  readonly role?: readonly TrustRole[];
}

const TRUST_FILE = "holdfast.trust.yaml";

interface Opened {
  readonly custody: Custody;
  /** Where the project's own file is, or would be. */
  readonly path: string;
  readonly committed: boolean;
}

/** Makes the store and this machine's key when there is none: who joins a team has nothing else to do first. */
async function open(session: Session): Promise<Opened> {
  const { openCustody, projectRootFrom } = await import("../../custody/index.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  const path = join(root, TRUST_FILE);
  return { custody: openCustody(root, { clock: session.clock, create: true }), path, committed: existsSync(path) };
}

async function show(session: Session): Promise<ExitCode | undefined> {
  const { custody, committed } = await open(session);
  const trust = custody.trust();
  const own = custody.signer().keyId;
  const keys = [...trust.keys.values()];
  if (session.json) {
    session.printJson({ path: trust.path, committed, ownKeyId: own, keys: keys.map((key) => ({ ...plain(key), own: key.keyId === own })) });
    return undefined;
  }
  const { paint, width } = session;
  const rows = keys.map((key) => [key.keyId === own ? `${key.name} ${paint("faint", "(this machine)")}` : key.name, [...key.roles].join(", "), key.keyId.slice(0, 12)]);
  const unknown = keys.every((key) => key.keyId !== own);
  session.print([
    renderTable(["name", "may", "key"], rows, { paint, width }),
    "",
    committed ? `From ${trust.path}; commit every change of it.` : `From ${trust.path}, which only this machine has: colleagues need a ${TRUST_FILE} in the project (holdfast trust add makes it).`,
    ...(unknown ? [paint("warn", `This machine's key (${own.slice(0, 12)}) is not among them, so nothing that is signed here counts.`), `  ${paint("faint", "next:")} holdfast trust export, for somebody who may change ${TRUST_FILE}`] : []),
  ].join("\n"));
  return undefined;
}

async function exportKey(session: Session, options: KeyOptions): Promise<ExitCode | undefined> {
  const { trustEntry, whoTypes } = await import("../../custody/index.js");
  const { stringify } = await import("yaml");
  const { custody } = await open(session);
  const signer = custody.signer();
  const entry = trustEntry({ name: options.name ?? whoTypes(), publicKey: signer.publicKey }, options.role ?? ["pull", "approve"]);
  if (session.json) session.printJson({ ...entry, keyId: signer.keyId });
  else session.print(stringify(entry).trimEnd());
  session.note(session.notePaint("faint", `There is nothing secret in it. On the other machine: holdfast trust add FILE`));
  return undefined;
}

async function add(session: Session, file: string, options: KeyOptions): Promise<ExitCode | undefined> {
  const { addTrustedKey, readTrustEntry, writeFileDurably } = await import("../../custody/index.js");
  const source = file === "-" ? "standard input" : resolve(session.terminal.cwd, file);
  const given = readTrustEntry(file === "-" ? await textOf(session.terminal.stdin) : readGiven(source), source);
  const name = options.name ?? given.name;
  if (name === null) throw new UserError("A bare public key has no name.", { code: "usage", next: ["add: --name WHO"] });
  const opened = await open(session);
  const entry = { name, publicKey: given.publicKey, roles: options.role ?? (["pull"] as const) };
  writeFileDurably(opened.path, addTrustedKey(await currentText(opened), entry, opened.path));
  const added = [...opened.custody.trust().keys.values()].find((key) => key.name === name);
  if (added === undefined) throw new Error("the key that was added is not there");
  if (session.json) session.printJson({ path: opened.path, created: !opened.committed, added: plain(added), asked: given.roles });
  else {
    const asked = given.roles?.filter((role) => !(entry.roles as readonly string[]).includes(role)) ?? [];
    session.print([
      session.paint("good", `"${name}" (${added.keyId.slice(0, 12)}) may ${entry.roles.join(", ")}.`),
      ...(opened.committed ? [] : [`${opened.path} was made, with this machine's key in every role.`]),
      ...(asked.length === 0 ? [] : [`The file asks for ${asked.join(", ")} too; that is yours to give: holdfast trust remove, then add with --role.`]),
      ...commitLines(session, opened.path, `Trust the key of ${name}: ${entry.roles.join(", ")}`),
    ].join("\n"));
  }
  return undefined;
}

async function remove(session: Session, name: string, options: { readonly anyway?: boolean }): Promise<ExitCode | undefined> {
  const { removalWarning, removeTrustedKey, writeFileDurably } = await import("../../custody/index.js");
  const opened = await open(session);
  const text = await currentText(opened);
  const edited = removeTrustedKey(text, name, opened.path);
  const warning = removalWarning(opened.custody.trust(), name);
  if (warning !== null && options.anyway !== true) {
    throw new UserError(`Nothing was changed: ${warning}.`, { code: "confirmation-needed", next: ["add the key of somebody else first: holdfast trust add FILE --role pull approve", `or: holdfast trust remove ${name} --anyway`] });
  }
  writeFileDurably(opened.path, edited);
  if (session.json) session.printJson({ path: opened.path, removed: name, warning });
  else {
    session.print([
      session.paint(warning === null ? "good" : "warn", `"${name}" is trusted with nothing any more: no receipt, approval or override that its key signed counts${warning === null ? "." : `; ${warning}.`}`),
      ...commitLines(session, opened.path, `Do not trust the key of ${name} any more`),
    ].join("\n"));
  }
  return undefined;
}

/** Where there is no committed file, the store's own is the beginning, under a name that tells machines apart. */
async function currentText({ custody, path, committed }: Opened): Promise<string> {
  if (committed) return readFileSync(path, "utf8");
  const { trustFileFor, whoTypes } = await import("../../custody/index.js");
  return trustFileFor({ ...custody.signer(), name: whoTypes() });
}

function readGiven(path: string): string {
  if (existsSync(path)) return readFileSync(path, "utf8");
  throw new UserError(`There is no file ${path}.`, { code: "not-found", next: ["on the other machine: holdfast trust export > FILE"] });
}

const commitLines = (session: Session, path: string, message: string): string[] => [`  ${session.paint("faint", "next:")} git add ${path} && git commit -m ${JSON.stringify(message)}`];

const plain = ({ name, keyId, roles: held }: TrustedKey): { name: string; keyId: string; roles: TrustRole[] } => ({ name, keyId, roles: [...held] });
