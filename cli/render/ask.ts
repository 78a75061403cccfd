/** Asking a person to type a name: the one question that an accident does not answer. */
import { createInterface } from "node:readline/promises";
import type { Writable } from "node:stream";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";

export interface Confirmation {
  /** What must be typed. */
  readonly name: string;
  /** What the name is: `instance`, `run`. */
  readonly of: string;
  /** Value of --confirm. */
  readonly given: string | undefined;
  /** The command that would do it without a terminal. */
  readonly command: string;
  /** What has not happened when it is not given. Default: nothing was signed. */
  readonly otherwise?: string;
}

/** Returns when the name was given. Throws UserError `confirmation-needed` (no terminal) or `refused` (another name). */
export async function confirmByName(session: Session, wanted: Confirmation): Promise<void> {
  if (wanted.given === undefined && !session.interactive) {
    throw new UserError(`${wanted.otherwise ?? "Nothing was signed"}: there is no terminal to ask at, so the ${wanted.of}'s name must be given.`, {
      code: "confirmation-needed",
      next: [`${wanted.command} --confirm ${wanted.name}`],
    });
  }
  const typed = wanted.given ?? (await ask(session, `Type the ${wanted.of}'s name (${session.notePaint("strong", wanted.name)}) to ${wanted.otherwise === undefined ? "sign" : "go on"}: `));
  if (typed.trim() === wanted.name) return;
  throw new UserError(`${wanted.otherwise ?? "Nothing was signed"}: "${typed.trim()}" is not the ${wanted.of}'s name, which is ${wanted.name}.`, { code: "refused", next: [wanted.command] });
}

async function ask(session: Session, question: string): Promise<string> {
  const reader = createInterface({ input: session.terminal.stdin, output: session.terminal.stderr as unknown as Writable, terminal: true });
  try {
    return await reader.question(question, { signal: session.signal });
  } finally {
    reader.close();
  }
}
