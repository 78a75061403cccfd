/**
 * A machine that was not made here, and a folder on it, seen as a run with one cell: pull, verification and receipts are those of
 * every run. It is read; nothing in the folder is written, and nothing here can end or change the machine.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RunRef } from "./formats";
import { runId } from "./formats";
import type { Remote } from "./remote";
import { UserError } from "./userError";
import type { RunView } from "./view";

/** The role of such a machine in a ledger. No lock, teardown or platform knows it, so none can name it in a deletion. */
export const ADOPTED_ROLE = "adopted";

/** The cell under which everything of the folder is pulled. */
export const ADOPTED_CELL = "adopted";

/** Where its files are in a run. */
export const ADOPTED_PREFIX = `cells/${ADOPTED_CELL}/`;

/** As the ledger has it while it stands. */
export interface AdoptedMachine {
  /** The vendor's id, or `ssh:user@host:port`. */
  readonly id: string;
  readonly name: string;
  readonly since: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute, on the machine. */
  readonly directory: string;
  /** The private key's file on the computer where it was adopted; null: whatever keys the person's ssh offers. */
  readonly keyFile: string | null;
}

/** null: the run was made by Holdfast, or its machine is gone, or was released. Pure. */
export function adoptedMachine(view: Pick<RunView, "adopted" | "resources" | "address">): AdoptedMachine | null {
  const machine = view.resources.get(ADOPTED_ROLE);
  if (!view.adopted || machine === undefined || view.address?.instance !== machine.id) return null;
  const { directory, keyFile } = machine.details ?? {};
  if (typeof directory !== "string") return null;
  const { host, port, user } = view.address;
  return { id: machine.id, name: machine.name, since: machine.since, host, port, user, directory, keyFile: typeof keyFile === "string" ? keyFile : null };
}

/** Throws UserError `adopted`. Called by whatever would make, change or end something of the run. */
export function assertNotAdopted(run: { readonly ref: RunRef; entries(): readonly unknown[]; view(): Pick<RunView, "adopted"> }, whatIsRefused: string): void {
  if (run.entries().length === 0 || !run.view().adopted) return;
  const id = runId(run.ref);
  throw new UserError(`Refused: ${whatIsRefused}. ${id} was adopted to be read: Holdfast did not make its machine, and ends or changes nothing of it.`, {
    code: "adopted",
    next: [`holdfast pull ${id} (copies and proves what lies there)`, "end the machine where it was made, once the copy is proven", `holdfast adopt --release ${id} (stops looking at it)`],
  });
}

/** The machine with its folder where a run keeps its cells. Everything but a pull goes through unchanged. */
export function adoptedRemote(remote: Remote): Remote {
  return {
    description: remote.description,
    exec: (argv, options) => remote.exec(argv, options),
    send: (from, to, options) => remote.send(from, to, options),
    push: (from, to, options) => remote.push(from, to, options),
    write: (path, content, mode) => remote.write(path, content, mode),
    close: () => remote.close(),
    pull: (from, to, options) => {
      const target = join(to, ADOPTED_PREFIX);
      mkdirSync(target, { recursive: true });
      return remote.pull(from, target, { ...options, files: options.files.map((path) => (path.startsWith(ADOPTED_PREFIX) ? path.slice(ADOPTED_PREFIX.length) : path)) });
    },
  };
}
