/**
 * The lock in every own delete: a grant that names this very deletion, or a decision made anew. `--target`, an edited
 * program or a replacement reach the vendor only through here.
 */
import type { Decision, DeletionFacts, RunCustody } from "../../custody";
import { assertNotAdopted, buildGrant, decide, grantCovers, mayStopFirst } from "../../custody";
import type { EndpointRef, Grant, PlannedDeletion } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import { jobPlace } from "../job/layout";
import { stopQueue } from "../job/stop";
import type { Binding, Context, Props } from "../kind";
import { remoteForRun } from "../ssh/forRun";
import { unknownToLedger } from "./deletions";
import { gatherDeletionFacts } from "./facts";

/** Returns the grant under which the deletion may go on; throws a UserError with what is missing otherwise. */
export async function authorizeDeletion(
  context: Context,
  binding: Binding,
  _endpoint: EndpointRef,
  deletion: PlannedDeletion,
  outs: Props,
): Promise<{ grantId: string | null }> {
  const run = context.run(binding);
  assertNotAdopted(run, `${deletion.verb} ${deletion.role} ${deletion.id}`);
  const open = run.view().openGrant;
  const resumed = open && grantCovers(open, deletion) ? open : null;
  if (resumed && ageSeconds(resumed, context.clock.now()) < freshSeconds) return { grantId: resumed.id };
  // A job that was never seen to start is in state only, so that the next update can mend it.
  if (deletion.role !== "job" || outs["place"] !== null) assertLedgerKnows(run, [deletion], context);
  const look = (scope: DeletionFacts["scope"] = "resource", deletions: readonly PlannedDeletion[] = [deletion]): Promise<DeletionFacts> =>
    gatherDeletionFacts(run, { scope, deletions, clock: context.clock, copies: context.copies(), projectRoot: context.projectRoot });
  if (resumed && endsRun.has(resumed.basis) && Date.parse(resumed.expiresAt) > context.clock.now().getTime()) {
    const facts = await look("end", stillAhead(run, resumed, deletion));
    return { grantId: settle(run, facts, decide(facts), `${deletion.verb} ${deletion.role} ${deletion.id}`, context).id };
  }
  let facts = await look();
  if (mayStopFirst(facts)) {
    await stopJob(run, context);
    facts = await look();
  }
  const grant = settle(run, facts, decide(facts), `${deletion.verb} ${deletion.role} ${deletion.id}`, context);
  return { grantId: grant.id };
}

/** A replacement was confirmed together with the end of the job that still runs; what it saved last is looked at afterwards. */
async function stopJob(run: RunCustody, context: Context): Promise<void> {
  const place = jobPlace(run.view());
  const remote = remoteForRun(run, { clock: context.clock });
  if (place === null || remote === null) return;
  context.say(`ending the job of ${runId(run.ref)} at its last checkpoint; it resumes after the replacement`);
  try {
    await stopQueue(remote, place);
  } finally {
    await remote.close();
  }
}

/**
 * One destroy follows its gate within seconds; hashing terabytes again before each of its deletions would prove nothing new.
 * A teardown that is taken up later looks again: the grant then stands only if nothing writes and nothing has changed.
 */
const freshSeconds = 15 * 60;

/** Of a teardown that is taken up later all that is left of it is judged at once: when its storage goes, no machine is there to look any more. */
const endsRun: ReadonlySet<Grant["basis"]> = new Set(["receipt-and-approval", "verified-in-place", "standing-approval"]);

const stillAhead = (run: RunCustody, grant: Grant, deletion: PlannedDeletion): PlannedDeletion[] => {
  const { live } = run.view();
  return grant.deletions.filter(({ role, id }) => (role === deletion.role && id === deletion.id) || live.some((resource) => resource.role === role && resource.id === id));
};

const ageSeconds = (grant: Grant, now: Date): number => {
  const age = (now.getTime() - Date.parse(grant.at)) / 1000;
  return age >= 0 ? age : Infinity;
};

/** Throws when state asks to delete what this ledger never recorded: then it is not the ledger that state was made with. */
export function assertLedgerKnows(run: RunCustody, deletions: readonly PlannedDeletion[], context: Pick<Context, "clock">): void {
  const unknown = unknownToLedger(run.view(), deletions);
  if (unknown.length === 0) return;
  const message = `The ledger of ${runId(run.ref)} on this machine does not know ${unknown.map(({ role, id }) => `${role} ${id}`).join(", ")}, which the stack owns: it is an old or foreign copy, and what was made since cannot be accounted for.`;
  run.append("teardown.refused", { at: context.clock.now().toISOString(), resource: "the ledger", reasons: [{ code: "ledger-behind", message }] });
  throw new UserError(`Refused. Nothing was deleted.\n  - ${message}`, { code: "ledger-behind", next: [`holdfast recover ${runId(run.ref)} (takes the longer copy from the durable tier)`] });
}

/** Records a decision: a refusal is written down and thrown, an allowance is sealed as a grant. */
export function settle(run: RunCustody, facts: DeletionFacts, decision: Decision, resource: string, context: Pick<Context, "clock" | "say">): Grant {
  if (!decision.allow) {
    run.append("teardown.refused", { at: facts.now, resource, reasons: decision.reasons });
    throw refusal(run, resource, decision);
  }
  for (const note of decision.notes) context.say(note);
  const open = run.view().openGrant;
  if (decision.basis === "grant" && open) return open;
  const grant = buildGrant(facts, decision);
  run.append("grant.sealed", { grant });
  return grant;
}

function refusal(run: RunCustody, resource: string, decision: Extract<Decision, { allow: false }>): UserError {
  const reasons = decision.reasons.map((reason) => `  - ${reason.message}`).join("\n");
  return new UserError(`Refused: ${resource} of run ${runId(run.ref)}. Nothing was deleted.\n${reasons}`, {
    code: decision.reasons[0]?.code ?? "refused",
    next: decision.next,
  });
}
