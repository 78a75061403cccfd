/**
 * The end of a run at night: everything is pulled and proven, and only then, and only within a standing approval, destroyed by the
 * real engine, whose gate decides anew. Whatever stands in the way is told; nothing is ever destroyed that was not proven.
 */
import { manifestDigest, pullVerifyAndSign, recheckReceipt } from "../../custody";
import type { CopyPlaces, RunCustody } from "../../custody";
import type { LedgerEntry, Manifest } from "../../custody/formats";
import { RemoteUnreachable, type Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { takeRunManifest } from "../../providers/teardown/facts";
import { formatTime, formatUsd, listOf } from "../render/units";
import { shareEvidence } from "../runs/shareEvidence";
import type { Session } from "../terminal";
import { wouldLoseTheOnlyCopy, type Copies } from "./copies";
import { destroyRun, type EngineOptions } from "./engine";
import { eventOf, type KeeperEvent } from "./events";
import type { Action, KeeperFacts } from "./facts";
import { afterStop, digestOf, stoppedCells, waitingEvent } from "./judge";
import type { KeeperMemory } from "./memory";
import { afterFailure, afterRefusal, mayTry } from "./tries";

type EndAction = Extract<Action, { kind: "end" }>;

export interface EndOptions {
  readonly session: Session;
  readonly run: RunCustody;
  readonly memory: KeeperMemory;
  readonly engine: EngineOptions;
  readonly copies: Copies;
  /** Called before the engine is started; false: another keeper looks after the run. */
  readonly announce: () => boolean;
  readonly signal: AbortSignal;
}

export interface EndOutcome {
  readonly did: string;
  readonly events: readonly KeeperEvent[];
  /** What it ended with: `ended`, `unproven`, `waits` for a person, `silent`, `busy`. */
  readonly state: "ended" | "unproven" | "waits" | "silent" | "busy";
}

/** `remote`: the open connection; null when the machine does not answer. */
export async function endRun(facts: KeeperFacts, action: EndAction, remote: Remote | null, options: EndOptions): Promise<EndOutcome> {
  const underWay = facts.view.openGrant?.basis === "standing-approval";
  if (!underWay) {
    if (action.why === "finished" && wouldLoseTheOnlyCopy(facts.view, options.copies)) {
      return waits(facts, action, "This machine is thrown away when its job is over (CI is set), and the storage with the artifacts goes with the run: a copy here would be lost too.", ["holdfast keeper --to DIRECTORY (one that outlives this machine)", `holdfast pull ${facts.run} (on a machine that stays)`], "a copy on this machine would not last");
    }
    const proven = await prove(facts, action, remote, options);
    if (proven !== null) return proven;
    if (facts.standing.length === 0) return waits(facts, action, "Everything is pulled and proven; nobody has agreed to its end.", [`holdfast approve ${facts.run}`, "pulumi destroy"], "pulled and proven");
  }
  return destroy(facts, action, options, underWay);
}

/** null: exactly what is there now is here, whole, and loads, and the run is over. */
async function prove(facts: KeeperFacts, action: EndAction, remote: Remote | null, options: EndOptions): Promise<EndOutcome | null> {
  const { memory } = options;
  if (remote === null) return waits(facts, action, `Its machine does not answer (${facts.silence?.why ?? "unknown"}), so nobody can say that nothing newer lies there.`, [`holdfast status ${facts.run}`, "holdfast audit (asks the vendor)"], "", "silent");
  if (action.why === "lease-over") return waits(facts, action, "It is not complete, so nothing of it is destroyed; what is closed is pulled as it comes.", [`holdfast lease renew ${facts.run} --for 6h`, `holdfast status ${facts.run}`], "");
  if (action.why === "stopped") return waits(facts, action, `${stoppedCells(facts)} Only a complete run is ended within a standing approval.`, afterStop(facts), "");
  if (memory.state.proven === action.since) return null;
  if (!mayTry(memory.state.proof, action.since, facts.now)) return waits(facts, action, "What it left could not be proven.", [`holdfast pull ${facts.run} (says which files)`], "", "unproven");
  try {
    await pullOnce(options, remote);
    memory.set("proof", null);
    memory.set("proven", action.since);
    return null;
  } catch (error) {
    if (error instanceof RemoteUnreachable) return waits(facts, action, `Its machine stopped answering while everything was pulled (${error.reason}).`, [`holdfast status ${facts.run}`], "", "silent");
    if (!(error instanceof UserError)) throw error;
    memory.set("proof", afterFailure(memory.state.proof, action.since, options.session.clock.now()));
    const unproven = eventOf(facts, "verify.failed", digestOf(error.message), { severity: "urgent", title: `${facts.run}: not proven, so nothing is destroyed`, message: error.message.split("\n").slice(0, 4).join(" "), next: error.next, data: { code: error.code } });
    const waited = waits(facts, action, `It could not be proven: ${firstLine(error.message)}`, error.next, "", "unproven");
    return { ...waited, events: [unproven, ...waited.events] };
  }
}

/** Throws what a pull throws, and UserError `still-open` when the queue is open after all. */
async function pullOnce({ run, session, copies: { target, places }, signal }: EndOptions, remote: Remote): Promise<void> {
  const manifest = await takeRunManifest(run, remote);
  if (!manifest.closed) throw new UserError("Its queue has opened again, or something writes.", { code: "still-open" });
  if (await isPulled(run, manifest, places)) return;
  await pullVerifyAndSign(run, remote, manifest, { clock: session.clock, signal, ...(target === null ? {} : { target }) });
  await shareEvidence(session, run, remote);
}

/** Signed for, of these very artifacts, and the copy still is what was signed: a pull that failed since may have replaced parts of it. */
async function isPulled(run: RunCustody, manifest: Manifest, places: CopyPlaces): Promise<boolean> {
  const digest = manifestDigest(manifest);
  for (const { content, trusted } of run.receipts()) {
    if (trusted && content.how === "pulled" && content.manifestSha256 === digest && (await recheckReceipt(content, manifest, places)) === "matches") return true;
  }
  return false;
}

async function destroy(facts: KeeperFacts, action: EndAction, { run, memory, engine, announce, session }: EndOptions, underWay: boolean): Promise<EndOutcome> {
  const under = facts.view.openGrant?.approvalId ?? facts.standing.at(-1)?.content.id ?? "";
  const { teardown } = memory.state;
  if (!mayTry(teardown, under, facts.now)) return waits(facts, action, `Its teardown did not go through; the next try is after ${formatTime(teardown?.notBefore ?? "")}.`, [`holdfast approve ${facts.run}`, "pulumi destroy (a person looks)"], "waits before the next try");
  if (!announce()) return { did: "another keeper ends it", events: [], state: "busy" };
  const mark = run.entries().length;
  try {
    const { exitCode, output, busy } = await destroyRun(run.ref, engine);
    if (exitCode === 0 && run.view().auditClosed !== null) {
      memory.set("teardown", null);
      return { did: "destroyed", events: [ended(facts, run)], state: "ended" };
    }
    if (busy) return { did: "the stack is locked by another operation", events: [], state: "busy" };
    const reasons = run.entries().slice(mark).flatMap((entry) => (isRefusal(entry) ? entry.data.reasons : []));
    if (reasons.length === 0) {
      memory.set("teardown", afterFailure(teardown, under, session.clock.now()));
      return failed(facts, action, lastLines(output), underWay);
    }
    memory.set("teardown", afterRefusal(under, session.clock.now()));
    // What was proven is not what lies there: it is pulled again.
    memory.set("proven", null);
    return refused(facts, action, reasons);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    memory.set("teardown", afterFailure(teardown, under, session.clock.now()));
    return failed(facts, action, error.paragraph, underWay);
  }
}

const isRefusal = (entry: LedgerEntry): entry is LedgerEntry<"teardown.refused"> => entry.kind === "teardown.refused";

export function ended(facts: Pick<KeeperFacts, "run" | "life" | "now">, run: RunCustody): KeeperEvent {
  const view = run.view();
  const usd = view.auditClosed?.usd ?? null;
  const kept = view.leftovers.map(({ kind, name, monthlyUsd }) => `${kind} ${name} (${formatUsd(monthlyUsd)} per month)`);
  return eventOf(facts, "run.ended", view.auditClosed?.at ?? "", {
    severity: "info", title: `${facts.run} has ended`, message: `Everything it owned is confirmed gone${usd === null ? "" : `; it cost about ${formatUsd(usd)}`}. ${kept.length === 0 ? "Nothing bills." : `Kept on purpose: ${listOf(kept)}.`} Artifacts: ${view.pulls.at(-1)?.directory ?? "see holdfast ledger"}`,
    data: { usd, leftovers: view.leftovers.map(({ id, kind, monthlyUsd }) => ({ id, kind, monthlyUsd })), artifacts: view.pulls.at(-1)?.directory ?? null },
  });
}

function refused(facts: KeeperFacts, action: EndAction, reasons: readonly { readonly code: string; readonly message: string }[]): EndOutcome {
  const told = [...new Set(reasons.map(({ message }) => message))];
  const event = eventOf(facts, "end.refused", digestOf(told.join("\n")), { severity: "urgent", title: `${facts.run}: its end was refused`, message: told.join(" "), next: [`holdfast approve ${facts.run}`], data: { codes: [...new Set(reasons.map(({ code }) => code))] } });
  const waited = waits(facts, action, `The gate refused its end: ${told[0] ?? ""}`, [`holdfast approve ${facts.run}`], "refused by the gate");
  return { ...waited, events: [event, ...waited.events] };
}

function failed(facts: KeeperFacts, action: EndAction, output: string, underWay: boolean): EndOutcome {
  const event = eventOf(facts, "teardown.failed", digestOf(output), { severity: "urgent", title: `${facts.run}: its teardown failed${underWay ? " again" : ""}`, message: output, next: ["holdfast audit (what still bills)", "pulumi destroy"] });
  const waited = waits(facts, action, "Its teardown failed.", ["holdfast audit", "pulumi destroy"], "the teardown failed");
  return { ...waited, events: [event, ...waited.events] };
}

function waits(facts: KeeperFacts, action: EndAction, why: string, next: readonly string[], did: string, state: EndOutcome["state"] = "waits"): EndOutcome {
  const event = waitingEvent(facts, action, { why, next });
  return { did, events: event === null ? [] : [event], state };
}

const firstLine = (text: string): string => text.split("\n")[0] ?? text;

/** Errors of the engine, else its last words. */
function lastLines(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const errors = lines.filter((line) => /^(error|Refused)|error:/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(-6).join("\n");
}
