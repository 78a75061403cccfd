/**
 * Values of a job's secrets: read from the environment of the command that is typed, sent over stdin, kept in one 0600 file on the
 * instance's own disk. State holds marks by which a changed value is noticed, made with a key that never leaves custody.
 */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Custody } from "../../custody";
import { createExclusively, makeDirectory } from "../../custody/disk/files";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { shellWord } from "../ssh/outcome";
import type { JobContent } from "./place";

/** Secret's name to the mark of its value, with the id of the key that made it; a name without a value here is left out. */
export type SecretMarks = Readonly<Record<string, string>>;

/** Marks of values that nobody can guess back without the key, not even short ones. */
export function markSecrets(names: readonly string[], environment: NodeJS.ProcessEnv, custody: Custody): SecretMarks {
  const here = names.filter((name) => environment[name] !== undefined);
  if (here.length === 0) return {};
  const key = markingKey(custody.root);
  const mac = (text: string): string => createHmac("sha256", key).update(text).digest("hex");
  // A secret is named by a variable, so no name is empty: this text marks none.
  const keyId = mac("").slice(0, 8);
  return Object.fromEntries(here.map((name) => [name, `${keyId}.${mac(`${name}\0${environment[name] ?? ""}`).slice(0, 32)}`]));
}

export interface SecretChanges {
  /** Another value than was sent last, or none was. */
  readonly rotated: readonly string[];
  /** Sent from another checkout, whose marks cannot be compared with those of this one. */
  readonly unknown: readonly string[];
}

/** Set to 1, values of this environment are sent in place of those that cannot be compared. */
export const SEND_SECRETS = "HOLDFAST_SEND_SECRETS";

/** What is not in this environment counts as unchanged. */
export function compareSecrets(olds: SecretMarks | undefined, news: SecretMarks | undefined, environment: NodeJS.ProcessEnv): SecretChanges {
  const changed = Object.keys(news ?? {}).filter((name) => news?.[name] !== olds?.[name]);
  const unknown = environment[SEND_SECRETS] === "1" ? [] : changed.filter((name) => olds?.[name] !== undefined && keyOf(olds[name]) !== keyOf(news?.[name]));
  return { rotated: changed.filter((name) => !unknown.includes(name)), unknown };
}

const keyOf = (mark: string | undefined): string => mark?.split(".", 1)[0] ?? "";

/** One line for the person, or undefined. */
export const sayUnknownSecrets = ({ unknown }: SecretChanges): string | undefined =>
  unknown.length === 0 ? undefined : `note: ${unknown.join(", ")}: the value was sent from another checkout, so nobody can say here whether this one differs; it is left as it is (${SEND_SECRETS}=1 pulumi up sends what is in this environment)`;

function markingKey(root: string): string {
  const path = join(root, "keys", "secrets.key");
  if (!existsSync(path)) {
    makeDirectory(join(root, "keys"), 0o700);
    createExclusively(path, `${randomBytes(32).toString("hex")}\n`, 0o600);
  }
  return readFileSync(path, "utf8");
}

/** Throws UserError with the names that have no value here. */
export async function writeSecrets(remote: Remote, { plan, run }: JobContent, environment: NodeJS.ProcessEnv): Promise<void> {
  const path = `${plan.ownDisk.home}/holdfast/secrets/${run.name}`;
  if (plan.secretNames.length === 0) {
    // What the job no longer names is no longer given to it.
    await remote.exec(["rm", "-f", "--", path]);
    return;
  }
  const missing = plan.secretNames.filter((name) => environment[name] === undefined);
  if (missing.length > 0) {
    throw new UserError(`The job names secrets that are not in the environment: ${missing.join(", ")}.`, {
      code: "secret-missing",
      next: missing.map((name) => `export ${name}=...`),
    });
  }
  const lines = plan.secretNames.map((name) => `export ${name}=${shellWord(environment[name] ?? "")}\n`).join("");
  await remote.write(path, lines, 0o600);
}
