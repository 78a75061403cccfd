/**
 * A run that ended and is brought up again under its name pulls into the same folder, where the copy of its earlier life lies: with that
 * life's storage gone perhaps the only one. Nothing of it may give way to files of the same name. So for a machine adopted in another's place.
 */
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { adoptedMachine } from "../adopted";
import type { Clock } from "../clock";
import { makeDirectory, renameDurably, writeFileDurably } from "../disk/files";
import type { RunCustody } from "../store";
import type { RunView } from "../view";
import { lockTarget, MANIFEST_BESIDE, unusedName } from "./localCopy";

/** In the target: of which life of the run the copy is. */
const LIFE = ".holdfast-life";

/**
 * Called before anything is copied into `target`. Returns the folder below it that an earlier life's copy was moved to, or null when there
 * was none. Throws UserError `pull-running`.
 */
export function keepFormerLife(run: RunCustody, target: string, clock: Clock): string | null {
  const view = run.view();
  const life = nameOf(view);
  const there = lifeOf(target);
  if (there === life) return null;
  const lock = lockTarget(target);
  try {
    const former = there !== null || isOlder(run, target, view.declaredAt);
    const kept = former ? moveFormer(target, clock.now()) : null;
    if (kept !== null) run.append("note", { text: `The copy of an earlier life of this run in ${target} is kept as ${kept}.` });
    writeFileDurably(join(target, LIFE), `${life}\n`);
    return kept;
  } finally {
    lock.release();
  }
}

function nameOf(view: RunView): string {
  const machine = adoptedMachine(view);
  return machine === null ? view.declaredAt : `${view.declaredAt} ${machine.id} ${machine.directory}`;
}

function lifeOf(target: string): string | null {
  const path = join(target, LIFE);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
}

/** Copies of before there was a mark: the receipts say of when they are. */
function isOlder(run: RunCustody, target: string, declaredAt: string): boolean {
  const here = run.receipts().filter(({ content: { how, place } }) => how === "pulled" && place.host === hostname() && place.directory === target);
  return here.length > 0 && here.every(({ content }) => Date.parse(content.at) < Date.parse(declaredAt));
}

/** In an order that can be cut anywhere: what is still in its place then is moved by the next call. */
function moveFormer(target: string, now: Date): string | null {
  const left = ["cells", "logs", MANIFEST_BESIDE].filter((name) => existsSync(join(target, name)));
  if (left.length === 0) return null;
  const aside = unusedName(join(target, `.former-${now.toISOString().replaceAll(":", "-")}`));
  makeDirectory(aside);
  for (const name of left) renameDurably(join(target, name), join(aside, name));
  return aside;
}
