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

/** Secret's name to the mark of its value; a name without a value here is left out. */
export type SecretMarks = Readonly<Record<string, string>>;

/** Marks of values that nobody can guess back without the key, not even short ones. */
export function markSecrets(names: readonly string[], environment: NodeJS.ProcessEnv, custody: Custody): SecretMarks {
  const here = names.filter((name) => environment[name] !== undefined);
  if (here.length === 0) return {};
  const key = markingKey(custody.root);
  return Object.fromEntries(here.map((name) => [name, createHmac("sha256", key).update(`${name}\0${environment[name] ?? ""}`).digest("hex").slice(0, 32)]));
}

/** Names whose value is another one than was sent last. What is not in this environment counts as unchanged. */
export const rotatedSecrets = (olds: SecretMarks | undefined, news: SecretMarks | undefined): string[] => Object.keys(news ?? {}).filter((name) => news?.[name] !== olds?.[name]);

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
