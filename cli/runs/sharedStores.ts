/** The shared stores of a project's stacks: asked before a command looks at its ledgers, told after it what was recorded. */
import type { Custody, SharedCustody } from "../../custody";
import { runId, type RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";
import { configuredStacks, projectName } from "./pulumiProject";

interface OpenStore {
  readonly shared: SharedCustody;
  readonly stacks: ReadonlySet<string>;
}

/**
 * Brings the store here up to what the shared ones know, of one run or of all, and sees to it that what the command records is
 * brought there when it ends. A store that cannot be asked is told loudly and fails nothing: a command only looks and signs, and a
 * deletion asks again and refuses. Throws UserError for a store that is broken or somebody else's.
 */
export async function keepShared(session: Session, projectRoot: string, only?: RunRef): Promise<void> {
  const stores = await storesOf(session, projectRoot, only);
  if (stores.length === 0) return;
  for (const store of stores) await takeOver(session, projectRoot, store, only);
  session.atEnd(async () => {
    for (const store of stores) {
      await bring(session, projectRoot, store);
      await store.shared.close();
    }
  });
}

/** One per distinct store, with the stacks that name it. Reads config files only. */
async function storesOf(session: Session, projectRoot: string, only?: RunRef): Promise<OpenStore[]> {
  const { sharedStoreOfStack } = await import("../../providers/sharedCustody/settings.js");
  const { openSharedCustody } = await import("../../providers/sharedCustody/open.js");
  const stores = new Map<string, { shared: SharedCustody; stacks: Set<string> }>();
  for (const stack of only === undefined ? configuredStacks(projectRoot) : [only.stack]) {
    const store = sharedStoreOfStack(projectRoot, stack, session.env);
    if (store === null) continue;
    const key = JSON.stringify(store);
    const known = stores.get(key) ?? { shared: openSharedCustody(store, { projectRoot, clock: session.clock }), stacks: new Set<string>() };
    known.stacks.add(stack);
    stores.set(key, known);
  }
  return [...stores.values()];
}

async function takeOver(session: Session, projectRoot: string, { shared, stacks }: OpenStore, only?: RunRef): Promise<void> {
  const { canWait, describeFetch, isFault } = await import("../../providers/sharedCustody/inStep.js");
  const { mapBounded } = await import("./parallel.js");
  try {
    const custody = await shared.open();
    const there = only === undefined ? await shared.runs(projectName(projectRoot)) : [{ run: only, version: "" }];
    const news = there.map(({ run, version }) => ({ run: custody.run(run), version })).filter(({ run, version }) => stacks.has(run.ref.stack) && !shared.isKnown(run, version));
    await mapBounded(news, 4, async ({ run }) => {
      for (const line of describeFetch(shared, run, await shared.fetch(run))) session.note(session.notePaint(line.startsWith("WARNING") ? "warn" : "faint", line));
    });
  } catch (error) {
    if (!isFault(error)) throw error;
    if (!canWait(error)) throw error;
    session.warn("shared-store-unknown", `The shared store ${shared.place.description} could not be asked, so what other machines recorded is not shown: ${error.message}`, error instanceof UserError ? error.next : []);
  }
}

async function bring(session: Session, projectRoot: string, { shared, stacks }: OpenStore): Promise<void> {
  const { isFault } = await import("../../providers/sharedCustody/inStep.js");
  for (const run of changed(await openStore(session, projectRoot), shared, stacks)) {
    try {
      await shared.share(run);
    } catch (error) {
      if (!isFault(error)) throw error;
      session.warn("shared-store-behind", `What was recorded of ${runId(run.ref)} is not in the shared store ${shared.place.description} yet: ${error.message} The next command brings it there.`);
    }
  }
}

function changed(custody: Custody | null, shared: SharedCustody, stacks: ReadonlySet<string>) {
  if (custody === null) return [];
  return custody.runs().filter((ref) => stacks.has(ref.stack)).map((ref) => custody.run(ref)).filter((run) => {
    try {
      return shared.hasNews(run);
    } catch (error) {
      // A broken ledger is reported by the command that opens it; it is not spread.
      if (error instanceof UserError) return false;
      throw error;
    }
  });
}

async function openStore(session: Session, projectRoot: string): Promise<Custody | null> {
  const { openCustody } = await import("../../custody/index.js");
  try {
    return openCustody(projectRoot, { clock: session.clock });
  } catch (error) {
    if (error instanceof UserError && error.code === "no-custody") return null;
    throw error;
  }
}
