/**
 * holdfast approve --standing: consent to the end of a run, given while it still trains; and taking it back. Unlike an approval
 * it asks no machine: what it will be held against is what lies there when it is used.
 */
import type { RunCustody } from "../../custody";
import type { StandingApproval } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { ExitCode } from "../exitCodes";
import { confirmByName } from "../render/ask";
import { renderFacts } from "../render/table";
import { renderTeardown, standingRows } from "../render/teardown";
import { formatTime, formatUsd, listOf, plural } from "../render/units";
import { shareEvidence } from "../runs/shareEvidence";
import { standingInForce } from "../runs/standing";
import { titlesFor } from "../runs/titles";
import type { Session } from "../terminal";

/** What may follow `holdfast approve`. */
export interface ApproveOptions {
  readonly confirm?: string;
  readonly partial?: readonly string[];
  readonly reason?: string;
  readonly acceptUnreachable?: boolean;
  readonly replace?: string;
  readonly stopJob?: boolean;
  readonly expires?: number;
  readonly standing?: boolean;
  readonly also?: readonly string[];
  readonly maxUsd?: number;
  readonly revokeStanding?: boolean;
}

export async function approveBeforehand(session: Session, run: RunCustody, options: ApproveOptions): Promise<ExitCode | undefined> {
  const view = run.view();
  const { deletionsAtEnd } = await import("../../providers/teardown/deletions.js");
  const { buildStanding } = await import("../../custody/approval.js");
  const plan = view.plan as Plan | null;
  const deletions = deletionsAtEnd(view);
  const content = buildStanding(run.ref, {
    life: view.declaredAt, deletions, durableTier: plan?.durable.tier ?? null, also: options.also ?? [],
    ...(options.expires === undefined ? {} : { hours: options.expires / 3600 }), ...(options.maxUsd === undefined ? {} : { maxUsd: options.maxUsd }),
  }, session.clock.now());
  if (!session.json) {
    const names = new Map(view.live.map(({ id, name }) => [id, name]));
    const rows = standingRows(deletions, plan, ({ id }) => names.get(id) ?? id, await titlesFor(run));
    session.print([
      session.paint("strong", `Once ${runId(run.ref)} is complete, pulled and proven, its end does this, with nobody asked again:`),
      renderTeardown(rows, { paint: session.paint, width: session.width, indent: 2 }),
      renderFacts(conditions(content), { paint: session.paint, indent: 2 }),
    ].join("\n\n"));
  }
  const instance = view.resources.get("instance");
  await confirmByName(session, { name: instance?.name ?? run.ref.name, of: instance === undefined ? "run" : "instance", given: options.confirm, command: commandLine(run, options) });
  const signed = run.signStanding(content);
  await shareEvidence(session, run);
  const next = [`holdfast keeper ${runId(run.ref)} (pulls, proves and ends it within this)`, `holdfast approve ${runId(run.ref)} --revoke-standing (takes it back)`];
  if (session.json) session.printJson({ standing: signed.content, keyId: signed.keyId, next });
  else {
    session.print([
      "", session.paint("good", `Signed by ${signed.signer ?? signed.keyId.slice(0, 12)}: standing approval ${content.id}, valid until ${formatTime(content.expiresAt)}, for one end of this run.`),
      ...next.map((step) => `  ${session.paint("faint", "next:")} ${step}`),
    ].join("\n"));
  }
  return undefined;
}

/** Nothing is asked: taking consent back loses nothing. */
export async function revokeStanding(session: Session, run: RunCustody, reason: string | undefined): Promise<ExitCode | undefined> {
  const standing = standingInForce(run, session.clock.now());
  if (standing.length === 0) throw new UserError(`No standing approval of ${runId(run.ref)} is in force, so there is nothing to take back.`, { code: "nothing-to-do", next: [`holdfast ledger ${runId(run.ref)}`] });
  const why = reason ?? "taken back by a person";
  for (const { content } of standing) run.append("standing.revoked", { standing: content.id, why });
  await shareEvidence(session, run);
  const revoked = standing.map(({ content }) => content.id);
  if (session.json) session.printJson({ revoked, why });
  else session.print(session.paint("good", `Taken back: ${listOf(revoked)}. ${runId(run.ref)} ends only by an approval of its own now.`));
  return undefined;
}

export function checkStandingOptions(options: ApproveOptions): void {
  const usage = (message: string, next: string): UserError => new UserError(message, { code: "usage", next: [next] });
  if (options.standing !== true) {
    if (options.also !== undefined) throw usage("--also names what a standing approval covers.", "add: --standing");
    if (options.maxUsd !== undefined) throw usage("--max-usd bounds a standing approval.", "add: --standing");
  }
  if (options.standing !== true && options.revokeStanding !== true) return;
  if (options.standing === true && options.revokeStanding === true) throw usage("--standing gives consent, --revoke-standing takes it back: one at a time.", "holdfast approve RUN --revoke-standing");
  const given = ([["partial", "--partial"], ["acceptUnreachable", "--accept-unreachable"], ["replace", "--replace"], ["stopJob", "--stop-job"]] as const).filter(([key]) => options[key] !== undefined).map(([, flag]) => flag);
  if (given.length > 0) throw usage(`A standing approval gives nothing up and looks at nothing yet, so ${listOf(given)} ${given.length === 1 ? "says" : "say"} nothing here.`, "holdfast approve RUN --standing");
}

function conditions({ expiresAt, maxUsd }: StandingApproval): (readonly [string, string])[] {
  return [
    ["only if", "every cell is complete, nothing writes, every byte here matches, every checkpoint loads, nothing else lies there"],
    ["else", "it stays as it is, and somebody is told what the wait costs"],
    ...(maxUsd === null ? [] : [["bound", `while it has cost at most ${formatUsd(maxUsd)}`] as const]),
    ["valid until", `${formatTime(expiresAt)}, for ${plural(1, "end")} of this run`],
  ];
}

function commandLine(run: RunCustody, options: ApproveOptions): string {
  const words = ["holdfast approve", runId(run.ref), "--standing"];
  if (options.also?.length) words.push("--also", ...options.also);
  if (options.maxUsd !== undefined) words.push("--max-usd", String(options.maxUsd));
  if (options.expires !== undefined) words.push("--expires", `${Math.round(options.expires / 60)}m`);
  return words.join(" ");
}
