/** What the tests of decide ask of a decision, and the situations that several of them start from. */
import assert from "node:assert/strict";
import { decide, type Approval, type Decision, type DeletionFacts, type Receipt } from "../../custody";
import { approval, end, receipt, signed } from "./happyFacts";

export const allowed = (facts: DeletionFacts): Extract<Decision, { allow: true }> => {
  const decision = decide(facts);
  if (!decision.allow) assert.fail(decision.reasons.map((reason) => `${reason.code}: ${reason.message}`).join("\n"));
  return decision;
};
export const refused = (facts: DeletionFacts): Extract<Decision, { allow: false }> => {
  const decision = decide(facts);
  if (decision.allow) assert.fail(`allowed on ${decision.basis}`);
  assert.ok(decision.reasons.length > 0 && decision.next.length > 0);
  return decision;
};
export const withReceipt = (change: Partial<Receipt>, copy: DeletionFacts["receipts"][number]["copy"] = "matches"): DeletionFacts =>
  ({ ...end, receipts: [{ signed: signed({ ...receipt, ...change }), copy }] });
export const withApproval = (change: Partial<Approval>): DeletionFacts => ({ ...end, approvals: [signed({ ...approval, ...change })] });
export const blind: DeletionFacts = { ...end, remote: { state: "unreachable", reason: "connection timed out" } };
export const gone: DeletionFacts = { ...end, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: false, unclaimed: [] } };
export const otherRun = { tier: "persistent", folder: "holdfast/digits/dev/other", bytes: 5 << 20, files: 7, owner: "digits/dev/other" };
export const stray = { tier: "persistent", folder: "notes", bytes: 1000, files: 2 };
