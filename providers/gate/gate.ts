/**
 * The gate: deleted before anything else of the run, and refusing until what would be lost was pulled, proven to load and
 * approved. It owns nothing at the vendor; its delete is the decision. It has no read: nothing can make it vanish on refresh.
 */
import { isDeepStrictEqual } from "node:util";
import type { DeletionFacts, RunCustody } from "../../custody";
import { assertNotAdopted, decide, runId } from "../../custody";
import type { EndpointRef, Grant, PlannedDeletion } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Binding, Context, Kind } from "../kind";
import { platformSource } from "../platformSource";
import { assertLedgerKnows, settle } from "../teardown/authorize";
import { deletionsAtEnd, readerRoles } from "../teardown/deletions";
import { gatherDeletionFacts } from "../teardown/facts";
import { remoteForRun } from "../ssh/forRun";
import { jobPlace } from "../job/layout";

export type GateInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  /**
   * Resource name to vendor id, of those resources that hold a durable copy. An entry that changes, vanishes or is not known
   * replaces the gate, which asks for everything a destroy asks for; an added one does not. null: not made yet, holds nothing.
   */
  readonly holds: Readonly<Record<string, string | null>>;
  /** Everything a destroy of the run deletes, as the program knows it; the ledger may know more. */
  readonly deletions: readonly PlannedDeletion[];
  readonly cells: readonly string[];
  /** Digest of the teardown config at the last update: a plain destroy does not see config edited since. */
  readonly teardownSha256: string;
};

export type GateOutputs = GateInputs;

export const teardownGate: Kind<GateInputs, GateOutputs> = {
  diff(olds, news) {
    const changes = !isDeepStrictEqual(essence(olds), essence(news));
    return { changes, replaces: heldIsGone(olds.holds, news.holds) ? ["holds"] : [] };
  },

  create(inputs, context) {
    context.run(inputs.binding).append("note", { text: `gate armed; the end of this run will ${describe(inputs.deletions)}` });
    return Promise.resolve({ id: `gate-${inputs.binding.project}-${inputs.binding.stack}-${inputs.binding.run}`, outs: inputs });
  },

  update(_id, _olds, news) {
    return Promise.resolve(news);
  },

  async delete(_id, olds, context) {
    await open(olds, context);
  },
};

const essence = ({ binding, endpoint, holds, deletions, cells, teardownSha256 }: GateInputs): GateInputs => ({ binding, endpoint, holds, deletions, cells, teardownSha256 });

/** During a delete-before-replace the whole map, or an entry, arrives as the engine's sentinel string for "unknown". */
export function heldIsGone(olds: unknown, news: unknown): boolean {
  if (typeof olds !== "object" || olds === null) return true;
  const before = Object.entries(olds).filter(([, id]) => id !== null);
  if (before.length === 0) return false;
  if (typeof news !== "object" || news === null) return true;
  const after = news as Record<string, unknown>;
  return before.some(([name, id]) => after[name] !== id);
}

async function open(outs: GateOutputs, context: Context): Promise<void> {
  const run = context.run(outs.binding);
  assertNotAdopted(run, "the end of the run");
  await settleOpenIntents(run, outs, context);
  assertNoReader(run);
  assertLedgerKnows(run, outs.deletions, context);
  const deletions = deletionsAtEnd(run.view(), outs.deletions);
  const facts = await gatherDeletionFacts(run, { scope: "end", deletions, clock: context.clock, copies: context.copies(), projectRoot: context.projectRoot });
  // The roster that must be accounted for is the union of state, ledger and what was found.
  const all: DeletionFacts = { ...facts, view: { ...facts.view, roster: new Set([...facts.view.roster, ...outs.cells]) } };
  const grant = settle(run, all, decide(all), "the end", context);
  context.say(`Gate open for ${runId(run.ref)} (${grant.basis}): ${describe(deletions)}`);
  const storage = jobPlace(run.view())?.filesystemId;
  if (!deletions.some(({ id, tiersLost }) => id === storage && tiersLost.length > 0)) await leaveMarks(outs, grant, context);
}

/** A rescue machine mounts the storage and bills; nothing of the stack would ever end it. */
function assertNoReader(run: RunCustody): void {
  const standing = run.view().live.filter(({ role }) => readerRoles.has(role));
  if (standing.length === 0) return;
  throw new UserError(`Refused: the end of run ${runId(run.ref)}. Nothing was deleted.\n${standing.map(({ name, id }) => `  - A rescue left ${name} (${id}), which stands outside this stack.`).join("\n")}`, {
    code: "reader-stands",
    next: [`holdfast rescue ${runId(run.ref)} --end (ends it, with a proof)`, "then pulumi destroy again"],
  });
}

/** A launch whose outcome nobody knows may be an instance that bills, with this run's key and file system on it. */
async function settleOpenIntents(run: RunCustody, outs: GateOutputs, context: Context): Promise<void> {
  if (run.view().openIntents.length === 0) return;
  const source = await platformSource(outs.endpoint.platform);
  await source.settleIntents(run, outs.endpoint, context.projectRoot);
  const open = run.view().openIntents;
  if (open.length === 0) return;
  throw new UserError(
    `Refused: the end of run ${runId(run.ref)}. Nothing was deleted.\n${open.map((intent) => `  - The ${intent.role} ${intent.name} was asked for and never confirmed: it may stand and bill, outside what this stack knows.`).join("\n")}`,
    { code: "open-intent", next: open.every(({ role }) => readerRoles.has(role)) ? [`holdfast rescue ${runId(run.ref)} --end (looks for it and ends it)`, "then pulumi destroy again"] : ["pulumi up (looks for it and takes it over, or proves that it was never made)", "then pulumi destroy again"] },
  );
}

/** Of these grants the gate has just seen the pulled copy whole, whoever agreed and when. */
const pulledBases: ReadonlySet<Grant["basis"]> = new Set(["receipt-and-approval", "standing-approval"]);

/**
 * On storage that stays: the evidence travels with the data, and a mark says that the run has ended, so that whoever owns the
 * storage can delete it one day. A copy elsewhere is said to exist only when the gate has just seen it whole.
 */
async function leaveMarks(outs: GateOutputs, grant: Grant, context: Context): Promise<void> {
  const run = context.run(outs.binding);
  const place = jobPlace(run.view());
  const remote = remoteForRun(run, { clock: context.clock, attempts: 1 });
  if (remote === null || place === null) return;
  try {
    await run.copyTo(remote, `${place.directory}/custody`);
    const ended = { at: grant.at, grant: grant.id, manifestSha256: grant.manifestSha256, copied: pulledBases.has(grant.basis) };
    await remote.write(`${place.directory}/state/ended.json`, `${JSON.stringify(ended)}\n`, 0o644);
  } catch (error) {
    context.say(`note: the ledger could not be copied beside the artifacts: ${(error as Error).message}`);
  } finally {
    await remote.close();
  }
}

const describe = (deletions: readonly PlannedDeletion[]): string =>
  deletions.length === 0 ? "nothing" : deletions.map((deletion) => `${deletion.verb} ${deletion.role} ${deletion.id}`).join(", ");
