/** The approval that a person is about to sign, with the facts it was drafted from. */
import { hostname } from "node:os";
import type { DeletionFacts, RunCustody, RunView } from "../../custody";
import type { Approval, PlannedDeletion, Signed } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { GatherOptions } from "../../providers/teardown/facts";
import type { Session } from "../terminal";

export interface Wishes {
  readonly giveUp: readonly string[];
  readonly reason?: string | undefined;
  readonly acceptUnreachable?: boolean | undefined;
  /** Role of the one resource that is replaced while the run goes on. */
  readonly replace?: string | undefined;
  readonly stopJob?: boolean | undefined;
  readonly expiresSeconds: number;
}

export interface Draft {
  readonly facts: DeletionFacts;
  /** As it would be read back: signed by the own key. */
  readonly candidate: Signed<Approval>;
  readonly plan: Plan | null;
  /** What the person types. */
  readonly confirmName: string;
  readonly confirmOf: "instance" | "run";
}

type Gather = (run: RunCustody, options: GatherOptions) => Promise<DeletionFacts>;

/** Looks at machine, tiers and receipts. Throws UserError when there is nothing to approve, or nothing that may be approved. */
export async function draftApproval(run: RunCustody, session: Session, wishes: Wishes, gather: Gather): Promise<Draft> {
  const view = run.view();
  const { deletionsAtEnd } = await import("../../providers/teardown/deletions.js");
  const { buildApproval } = await import("../../custody/approval.js");
  const { copyPlacesOf } = await import("../../custody/copyPlaces.js");
  const deletions = wishes.replace === undefined ? deletionsAtEnd(view) : [await replacement(view, wishes.replace)];
  if (deletions.length === 0) {
    throw new UserError(`${runId(run.ref)} owns nothing that stands, so there is nothing to approve.`, { code: "nothing-to-do", next: ["holdfast ls", "holdfast audit (asks the vendor)"] });
  }
  const facts = await gather(run, { scope: wishes.replace === undefined ? "end" : "resource", deletions, clock: session.clock, copies: copyPlacesOf(session.env, hostname()) });
  const content = buildApproval(facts, {
    giveUp: { cells: wishes.giveUp, reason: wishes.reason ?? "" },
    acceptUnreachable: wishes.acceptUnreachable === true,
    stopJob: wishes.stopJob === true,
    hours: wishes.expiresSeconds / 3600,
  });
  const instance = view.resources.get("instance");
  return {
    facts,
    candidate: { content, keyId: "", signer: null, trusted: true, envelopeSha256: "" },
    plan: view.plan as Plan | null,
    confirmName: instance?.name ?? run.ref.name,
    confirmOf: instance === undefined ? "run" : "instance",
  };
}

/** The resource of a role and what its own deletion loses, as the plan has it. */
async function replacement(view: RunView, role: string): Promise<PlannedDeletion> {
  const resource = view.resources.get(role);
  if (!resource) {
    throw new UserError(`No ${role} of this run stands. Roles that do: ${[...view.resources.keys()].join(", ") || "none"}.`, { code: "not-found" });
  }
  const { plannedDeletion } = await import("../../providers/teardown/deletions.js");
  return { role, id: resource.id, ...plannedDeletion(view.plan as Plan | null, role) };
}
