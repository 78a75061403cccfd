/**
 * holdfast approve: shows what the end of a run keeps, loses and leaves billing, and signs a person's consent to exactly that.
 * It asks the same decision as the gate, with the approval it is about to sign: one that the gate would refuse is not signed.
 */
import { Command } from "commander";
import type { Decision, RunCustody } from "../../custody";
import { assertNotAdopted } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderApproval, renderReasons } from "../render/approval";
import { confirmByName } from "../render/ask";
import type { Draft } from "../runs/approval";
import { draftApproval } from "../runs/approval";
import { parseDuration } from "../runs/duration";
import { parseUsd } from "../runs/money";
import { openRun } from "../runs/project";
import { shareEvidence } from "../runs/shareEvidence";
import { titlesFor } from "../runs/titles";
import type { Session } from "../terminal";
import type { ApproveOptions } from "./approveStanding";
import { approveBeforehand, checkStandingOptions, revokeStanding } from "./approveStanding";

export function approveCommand(cli: Cli): Command {
  return new Command("approve")
    .summary("sign consent to exactly what a teardown loses")
    .description("sign a person's consent to what ending the run (or replacing one resource) loses")
    .argument(runArgument, runArgumentHelp)
    .option("--confirm <name>", "the instance's name, instead of typing it when asked")
    .option("--partial <cell...>", "give up these cells, which failed or are not wanted; needs --reason")
    .option("--reason <text>", "why they are given up; kept in the ledger")
    .option("--accept-unreachable", "accept that the machine cannot be asked and newer data may be lost; recorded")
    .option("--replace <role>", "approve the replacement of one resource (for example instance) while the run goes on")
    .option("--stop-job", "with --replace: a job that still runs is ended first, at a checkpoint, and resumes afterwards")
    .option("--standing", "agree beforehand to the end of the run, once it is complete, pulled and proven (for the keeper)")
    .option("--also <role...>", "with --standing: these go although they take the storage with the artifacts along (for example filesystem)")
    .option("--max-usd <amount>", "with --standing: only while the run has cost no more than this", parseUsd)
    .option("--revoke-standing", "take every standing approval of the run back")
    .option("--expires <duration>", "how long it is valid (default: 24h, with --standing 7d)", parseDuration)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast approve", "shows what is lost, asks for the instance's name"],
        ["holdfast approve digits --confirm NAME", "for scripts"],
        ["holdfast approve digits --partial lr-0.5 --reason 'diverged'", "gives one cell up by name"],
        ["holdfast approve digits --replace instance", "the file system stays; no pull needed"],
        ["holdfast approve digits --replace instance --stop-job", "the same in the middle of the training"],
        ["holdfast approve digits --standing --expires 3d", "the keeper may end it at night, once everything is proven"],
      ),
    )
    .action(cli.action((session, [run]: [string | undefined], options: ApproveOptions) => approve(session, run, options)));
}

async function approve(session: Session, text: string | undefined, options: ApproveOptions): Promise<ExitCode | undefined> {
  checkOptions(options);
  const { root, run } = await openRun(session, text, "approve");
  assertNotAdopted(run, "an approval");
  if (options.revokeStanding === true) return revokeStanding(session, run, options.reason);
  await assertLocksHold(session, root, run);
  if (options.standing === true) return approveBeforehand(session, run, options);
  const { gatherDeletionFacts } = await import("../../providers/teardown/facts.js");
  const { decide, onceStopped } = await import("../../custody/index.js");
  session.note(`Looking at ${runId(run.ref)}: machine, durable tier, receipts ...`);
  const wishes = { giveUp: options.partial ?? [], reason: options.reason, acceptUnreachable: options.acceptUnreachable, replace: options.replace, stopJob: options.stopJob, expiresSeconds: options.expires ?? parseDuration("24h") };
  const draft = await draftApproval(run, session, wishes, gatherDeletionFacts);
  const without = decide(draft.facts);
  if (without.allow) {
    sayAlreadyAllowed(session, run, without);
    return undefined;
  }
  if (!session.json) session.print(renderApproval(draft, run, { paint: session.paint, width: session.width, titles: await titlesFor(run) }));
  const facts = { ...draft.facts, approvals: [...draft.facts.approvals, draft.candidate] };
  const decision = decide(options.stopJob === true ? onceStopped(facts) : facts);
  if (!decision.allow) throw refusal(run, decision, session);
  await confirmByName(session, { name: draft.confirmName, of: draft.confirmOf, given: options.confirm, command: commandLine(run, options) });
  const signed = run.signApproval(draft.candidate.content);
  await shareEvidence(session, run);
  const next = draft.candidate.content.scope === "end" ? ["pulumi destroy (or npm run destroy)"] : ["pulumi up (or npm run up)"];
  if (session.json) session.printJson({ approval: signed.content, keyId: signed.keyId, basis: decision.basis, next });
  else session.print(renderSigned(session, draft, signed.content.id, signed.signer ?? signed.keyId.slice(0, 12), next));
  return undefined;
}

/**
 * A transform of the program may set these after the check of the program has run, and the state is then all that shows it.
 * Consent to a teardown that would forget a resource is consent to something else. Without an engine here nobody can look.
 */
async function assertLocksHold(session: Session, root: string, run: RunCustody): Promise<void> {
  const { exportState } = await import("../runs/pulumiState.js");
  const { bypassedLocks } = await import("../doctor/state.js");
  const state = await exportState(root, run.ref.stack, session.env);
  if (state === null) session.note(session.notePaint("warn", `The state of stack ${run.ref.stack} cannot be read here, so nobody looked whether its locks hold (holdfast doctor, where it can be).`));
  const faults = bypassedLocks(state ?? []);
  if (faults.length === 0) return;
  throw new UserError(`Nothing was signed: in the state of stack ${run.ref.stack} a lock is passed by.\n${faults.map((fault) => `  - ${fault}`).join("\n")}`, {
    code: "lock-missing",
    next: ["take the option, or the transform that sets it, out of the program, then pulumi up", "holdfast doctor"],
  });
}

function checkOptions(options: ApproveOptions): void {
  checkStandingOptions(options);
  const partial = options.partial ?? [];
  if (partial.length > 0 && !options.reason) {
    throw new UserError("--partial gives cells up, so it needs a reason that the ledger keeps.", { code: "usage", next: ["add: --reason 'why these cells are not wanted'"] });
  }
  if (options.stopJob === true && options.replace === undefined) {
    throw new UserError("--stop-job is for a replacement, after which the job resumes; the end of a run waits until its job has ended.", { code: "usage", next: ["holdfast approve --replace instance --stop-job"] });
  }
  if (partial.length === 0 && options.reason && options.revokeStanding !== true) {
    throw new UserError("--reason says why cells are given up; name them.", { code: "usage", next: ["add: --partial CELL"] });
  }
}

/** Nothing at risk, or an approval that still holds: signing another would only confuse. */
function sayAlreadyAllowed(session: Session, run: RunCustody, decision: Extract<Decision, { allow: true }>): void {
  const why = {
    "nothing-at-risk": "nothing of this run is at risk: no job ever started and the durable tier is empty",
    "receipt-and-approval": `the approval ${decision.approvalId ?? ""} still holds`,
    "verified-in-place": `the approval ${decision.approvalId ?? ""} still holds`,
    "standing-approval": `the standing approval ${decision.approvalId ?? ""} already covers it`,
    confirmation: `the approval ${decision.approvalId ?? ""} still holds`,
    disposable: `the run is disposable and the approval ${decision.approvalId ?? ""} still holds`,
    grant: "the gate has already allowed it and the teardown is under way",
    "break-glass": "a break-glass document overrides the gate",
  }[decision.basis];
  if (session.json) session.printJson({ approval: null, basis: decision.basis, approvalId: decision.approvalId, next: ["pulumi destroy"] });
  else session.print(`Nothing to sign for ${runId(run.ref)}: ${why}.\n  ${session.paint("faint", "next:")} pulumi destroy (or npm run destroy)`);
}

function refusal(run: RunCustody, decision: Extract<Decision, { allow: false }>, session: Session): UserError {
  return new UserError(`Nothing was signed: with this approval the end of ${runId(run.ref)} would still be refused.\n${renderReasons(decision.reasons, session.notePaint)}`, {
    code: decision.reasons[0]?.code ?? "refused",
    next: decision.next,
  });
}

function renderSigned(session: Session, draft: Draft, id: string, signer: string, next: readonly string[]): string {
  const { content } = draft.candidate;
  const verbs = content.deletions.map((deletion) => `${deletion.verb} ${deletion.role} ${deletion.id}`);
  return [
    "",
    session.paint("good", `Signed by ${signer}: approval ${id}, valid until ${content.expiresAt.slice(0, 16).replace("T", " ")} UTC, for one ${content.scope === "end" ? "teardown" : "replacement"}.`),
    ...verbs.map((verb) => `  ${verb}`),
    ...next.map((step) => `  ${session.paint("faint", "next:")} ${step}`),
  ].join("\n");
}

function commandLine(run: RunCustody, options: ApproveOptions): string {
  const words = ["holdfast approve", runId(run.ref)];
  if (options.partial?.length) words.push("--partial", ...options.partial, "--reason", JSON.stringify(options.reason ?? ""));
  if (options.acceptUnreachable) words.push("--accept-unreachable");
  if (options.replace !== undefined) words.push("--replace", options.replace);
  if (options.stopJob) words.push("--stop-job");
  return words.join(" ");
}
