/** Ledger entries as sentences. Pure. */
import type { LedgerData, LedgerEntry, LedgerKind } from "../../custody/formats";
import { runId } from "../../custody/formats";
import type { Paint, Tone } from "./paint";
import { renderTable } from "./table";
import { formatBytes, formatDuration, formatUsd, listOf, plural } from "./units";

export function renderLedger(entries: readonly LedgerEntry[], options: { paint: Paint; width: number | undefined; indent?: number }): string {
  const { paint } = options;
  const days = new Set(entries.map((entry) => entry.at.slice(0, 10)));
  const oneDay = days.size === 1;
  const rows = entries.map((entry) => {
    const tone = tones[entry.kind];
    const time = entry.at.slice(11, 19);
    return [String(entry.seq), oneDay ? time : `${entry.at.slice(0, 10)} ${time}`, paint("faint", entry.hash.slice(0, 8)), tone ? paint(tone, entry.kind) : entry.kind, sentenceOf(entry)];
  });
  return renderTable(["#", oneDay ? "UTC" : "day and time, UTC", "hash", "what", oneDay ? [...days].join("") : ""], rows, { ...options, right: [0] });
}

const tones: Partial<Record<LedgerKind, Tone>> = {
  "teardown.refused": "bad",
  "verify.failed": "bad",
  "breakglass.signed": "bad",
  "resource.lost": "warn",
  "leftover.recorded": "warn",
  "receipt.signed": "good",
  "approval.signed": "good",
  "standing.signed": "good",
  "standing.revoked": "warn",
  "grant.sealed": "good",
};

type Sentences = { readonly [K in LedgerKind]: (data: LedgerData[K]) => string };

const short = (hash: string): string => hash.slice(0, 12);
/** Vendors' ids are names to look for, not to read: the whole is in `--json`. */
const idOf = (id: string): string => (/^[0-9a-f-]{20,}$/.test(id) ? id.slice(0, 12) : id);

const byWhom = (data: { readonly by?: string }): string => (data.by === undefined ? "" : `, by ${data.by}`);

function editOf({ cells, added = [], replaced = [] }: LedgerData["job.updated"]): string {
  const parts = [...(added.length > 0 ? [`added ${added.join(", ")}`] : []), ...(replaced.length > 0 ? [`replaced ${replaced.join(", ")}`] : [])];
  return parts.length > 0 ? parts.join("; ") : cells.join(", ");
}

const sentences: Sentences = {
  "run.declared": (data) => data.adopted === true ? `${runId(data.run)}: a machine that was not made here, to be read only (${data.endpoint.platform}, ${data.endpoint.api})` : `${runId(data.run)} on ${data.endpoint.platform} (${data.endpoint.api}), ${plural(data.roster.length, "cell")}: ${data.roster.join(", ")}`,
  "intent.opened": (data) => `about to create ${data.role} ${data.name}`,
  "intent.confirmed": (data) => `${data.role} ${data.name} is ${idOf(data.id)}`,
  "intent.abandoned": (data) => `given up: ${data.why}`,
  "resource.created": (data) => `${data.role} ${data.name} (${idOf(data.id)})${priceOf(data)}`,
  "resource.lost": (data) => `${data.role} ${idOf(data.id)}: ${data.why}`,
  "resource.deleted": (data) => `${data.verb} ${data.role} ${idOf(data.id)}: ${data.confirmed}${data.grant === null ? "" : ` (grant ${short(data.grant)})`}`,
  "tier.listed": (data) => `${data.tier} read through ${idOf(data.reader)}${data.quiet ? ", nobody writes any more" : ""}; ${data.unclaimed.length === 0 ? "nothing besides the run's own" : `besides the run's own: ${listOf(data.unclaimed.map((one) => one.folder))}`}`,
  "capacity.waiting": (data) => `for ${data.awaited.join(", ")}${data.region === null ? "" : ` in ${data.region}`}, since ${data.since.slice(0, 16)}Z, until ${data.until.slice(0, 16)}Z, ${plural(data.attempts, "launch call")}`,
  "capacity.ended": (data) => `nobody waits for ${data.role} any more: ${data.why}`,
  "address.changed": (data) => `${idOf(data.instance)} answers at ${data.user}@${data.host}:${data.port}`,
  "job.started": (data) => `on ${idOf(data.instance)}: ${data.cells.join(", ")}, code ${short(data.codeSha256)}`,
  "job.updated": (data) => `${editOf(data)}, code ${short(data.codeSha256)}${byWhom(data)}`,
  "job.refused": (data) => `edit not taken up, ${data.why}: ${data.cells.join(", ")}${byWhom(data)}`,
  "cells.removed": (data) => `${data.cells.join(", ")}: ${data.why}${byWhom(data)}`,
  "cells.ordered": (data) => `${data.order} ${data.cells.join(", ")}${byWhom(data)}`,
  "manifest.taken": (data) => `${short(data.manifestSha256)}: ${plural(data.files, "file")}, ${formatBytes(data.bytes)}${data.closed ? ", queue closed" : ", still open"}`,
  "pull.finished": (data) => `${plural(data.files, "file")}, ${formatBytes(data.bytes)} to ${data.host}:${data.directory} in ${formatDuration(data.seconds)}`,
  "verify.failed": (data) => `${plural(data.problems.length, "problem")}: ${listOf(data.problems.slice(0, 3).map((problem) => `${problem.path} (${problem.code})`))}`,
  "receipt.signed": (data) => `${data.receipt} for manifest ${short(data.manifestSha256)}${data.supersedes === undefined ? "" : `, in place of ${data.supersedes}, whose copy was moved`}`,
  "approval.signed": (data) => `${data.approval}: ${listOf(data.deletions.map((deletion) => `${deletion.verb} ${deletion.role}`))}, until ${data.expiresAt.slice(0, 16)}Z`,
  "standing.signed": (data) => `${data.standing}: once verified, ${listOf(data.allows.map(({ verb, role }) => `${verb} ${role}`))}, until ${data.expiresAt.slice(0, 16)}Z`,
  "standing.revoked": (data) => `${data.standing}: ${data.why}`,
  "breakglass.signed": (data) => `${data.breakGlass}: ${data.reason}, until ${data.expiresAt.slice(0, 16)}Z`,
  "teardown.refused": (data) => `${data.resource}: ${data.reasons.map((reason) => reason.code).join(", ")}`,
  "grant.sealed": (data) => `${data.grant.basis}: ${listOf(data.grant.deletions.map((deletion) => `${deletion.verb} ${deletion.role}`))}`,
  "grant.closed": (data) => `${short(data.grant)}: ${data.why}`,
  "leftover.recorded": (data) => `${data.kind} ${data.name}, ${formatUsd(data.monthlyUsd)} per month; remove: ${data.remove}`,
  "audit.closed": (data) => `${data.billing === 0 ? "nothing bills" : `${data.billing} still bill`}, ${plural(data.leftovers, "leftover")}${data.usd === null ? "" : `, cost ${formatUsd(data.usd)}`}`,
  "lease.granted": (data) => `to ${data.owner} until ${data.until.slice(0, 16)}Z (${data.why})`,
  "lease.renewed": (data) => `until ${data.until.slice(0, 16)}Z by ${data.by}: ${data.why}`,
  "lease.ended": (data) => `by ${data.by}: ${data.why}`,
  "keeper.watching": (data) => `${data.keeper} looks after it until ${data.until.slice(0, 16)}Z`,
  "custody.recovered": (data) => `${plural(data.entries, "entry", "entries")} from ${data.from}`,
  "custody.merged": (data) => `two ledgers that grew apart are one again: ${data.heads.map((head) => head.slice(0, 8)).join(" and ")}`,
  note: (data) => data.text,
};

/** One sentence; kinds are matched with their data by the table's type. */
export function sentenceOf<K extends LedgerKind>(entry: LedgerEntry<K>): string {
  return sentences[entry.kind](entry.data);
}

function priceOf(data: LedgerData["resource.created"]): string {
  if (data.hourlyUsd !== undefined) return `, ${formatUsd(data.hourlyUsd)} per hour`;
  if (data.monthlyUsd !== undefined && data.monthlyUsd > 0) return `, ${formatUsd(data.monthlyUsd)} per month`;
  return "";
}
