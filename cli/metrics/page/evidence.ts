/** What proves that the artifacts are safe, who signed it, and what was refused or allowed. Pure. */
import type { Signed } from "../../../custody/formats";
import { formatBytes, formatTime, formatUsd, plural } from "../../render/units";
import type { Dossier } from "./dossier";
import { badge, facts, html, nothing, table, type Html } from "./html";

export interface EvidenceVerdict {
  readonly kind: "good" | "warn" | "bad";
  readonly word: string;
  readonly says: string;
}

/** The one sentence a reader looks for: is there a copy of what was there last, proven to load, with a signature that counts? */
export function evidenceVerdict({ evidence: { manifest, receipts, copy } }: Dossier): EvidenceVerdict {
  if (copy !== null && copy.faults.length > 0) return { kind: "bad", word: "copy damaged", says: `${plural(copy.faults.length, "fault")} found when it was read for this page` };
  if (manifest === null) return { kind: "warn", word: "not listed", says: "no manifest was ever taken" };
  const covering = receipts.filter(({ content }) => content.manifestSha256 === manifest.sha256);
  const good = covering.find(({ trusted }) => trusted);
  // A run that goes on writes more than any receipt covers.
  if (good !== undefined && manifest.content?.closed !== true) return { kind: "warn", word: "pulled so far", says: `${plural(good.content.files, "file")}, ${formatBytes(good.content.bytes)}; the run goes on` };
  if (good !== undefined) return { kind: "good", word: good.content.how === "pulled" ? "pulled and loaded" : "loaded in place", says: `${plural(good.content.files, "file")}, ${formatBytes(good.content.bytes)}${copy === null ? "" : ", read again for this page"}` };
  if (covering.length > 0) return { kind: "bad", word: "signature does not count", says: covering[0]?.problem ?? "its key is not trusted" };
  return { kind: "warn", word: "not proven", says: receipts.length === 0 ? "no receipt was signed" : "no receipt is of the newest manifest" };
}

export function evidenceSection(dossier: Dossier): Html {
  const { evidence, view } = dossier;
  const { ledger, manifest, copy } = evidence;
  return html`<section aria-labelledby="evidence"><h2 id="evidence">Evidence</h2>
${facts([
    ["Ledger", html`${ledger.entries} lines from ${formatTime(ledger.firstAt)} to ${formatTime(ledger.lastAt)}; the chain was verified for this page`],
    ["Its last hash", html`<code>${ledger.head}</code>`],
    ["Newest manifest", manifest === null ? "none was taken" : html`<code>${manifest.sha256}</code>`],
    ...(manifest?.content ? [["It names", `${plural(manifest.content.files.length, "file")}, ${formatBytes(manifest.content.files.reduce((sum, { bytes }) => sum + bytes, 0))}, taken ${formatTime(manifest.content.takenAt)}${manifest.content.closed ? ", when the queue had closed and nobody wrote" : ", while the run went on"}`] as const] : []),
    ["The copy", copy === null ? "was not read again for this page (--verify does)" : copy.faults.length === 0 ? html`<span class="good">${plural(copy.files, "file")} read again for this page: every byte as the manifest says</span>` : html`<span class="bad">${plural(copy.faults.length, "fault")}</span>`],
    ["The end of the run", endOf(dossier)],
  ])}
${copy !== null && copy.faults.length > 0 ? table({ caption: "Faults of the copy", columns: [{ title: "file" }, { title: "what" }], rows: copy.faults.slice(0, 50).map(({ path, message }) => [path, message]) }) : nothing}
${receiptTable(dossier)}
${approvalTable(dossier)}
${standingTable(dossier)}
${breakGlassTable(dossier)}
${view.refusals.length === 0 ? nothing : table({ caption: "Refused deletions", columns: [{ title: "when" }, { title: "what" }, { title: "why" }], rows: view.refusals.slice(-20).map(({ at, resource, reasons }) => [formatTime(at), resource, reasons.map(({ message }) => message).join(" ")]) })}
${evidence.faults.map((fault) => html`<p class="warn">${fault}</p>`)}
</section>`;
}

function endOf({ view, state }: Dossier): string {
  if (view.auditClosed === null) return state === "live" ? "has not come: it stands, or may stand" : "nothing stands any more; the billing audit has not closed it";
  const { at, billing, leftovers } = view.auditClosed;
  return `audited ${formatTime(at)}: ${plural(billing, "thing")} billing on, ${plural(leftovers, "leftover")}`;
}

/** The signature was checked for this page, against the keys that this project trusts. */
function signatureOf({ trusted, signer, keyId, problem }: Signed<unknown>): Html {
  return html`${badge(trusted ? "good" : "bad", trusted ? "counts" : "does not count")} ${signer ?? "unknown key"} <code class="quiet">${keyId.slice(0, 12)}</code>${problem === undefined ? "" : ` ${problem}`}`;
}

function receiptTable({ evidence: { receipts, manifest } }: Dossier): Html {
  if (receipts.length === 0) return html`<p class="quiet">No receipt was signed: nothing says that a copy was pulled and loads.</p>`;
  return table({
    caption: "Receipts: pulled, compared byte for byte, loaded",
    columns: [{ title: "receipt" }, { title: "of" }, { title: "what" }, { title: "where" }, { title: "when" }, { title: "signature" }],
    rows: [...receipts].reverse().map((receipt) => {
      const { id, manifestSha256, how, files, bytes, loaded, notLoaded, place, at } = receipt.content;
      return [
        html`<code>${id}</code>`,
        manifestSha256 === manifest?.sha256 ? "the newest manifest" : html`manifest <code>${manifestSha256.slice(0, 12)}</code>`,
        `${plural(files, "file")}, ${formatBytes(bytes)}; ${loaded.length} loaded${notLoaded.length === 0 ? "" : `, ${notLoaded.length} of given up cells do not load`}`,
        `${how === "pulled" ? "" : "in place, "}${place.host}:${place.directory}`,
        formatTime(at),
        signatureOf(receipt),
      ];
    }),
  });
}

function approvalTable({ evidence: { approvals }, view }: Dossier): Html {
  if (approvals.length === 0) return nothing;
  return table({
    caption: "Approvals: a person's consent to one loss",
    columns: [{ title: "approval" }, { title: "to" }, { title: "when" }, { title: "state" }, { title: "signature" }],
    rows: [...approvals].reverse().map((approval) => {
      const { id, deletions, giveUp, at, expiresAt } = approval.content;
      const givenUp = giveUp === null ? "" : `, giving up ${giveUp.cells.join(", ")}: ${giveUp.reason}`;
      return [html`<code>${id}</code>`, `${deletions.map(({ verb, role }) => `${verb} ${role}`).join(", ")}${givenUp}`, formatTime(at), view.usedApprovals.has(id) ? "used" : `valid until ${formatTime(expiresAt)}`, signatureOf(approval)];
    }),
  });
}

function standingTable({ evidence: { standing }, view }: Dossier): Html {
  if (standing.length === 0) return nothing;
  return table({
    caption: "Standing approvals: consent given beforehand, for when everything is verified",
    columns: [{ title: "approval" }, { title: "to" }, { title: "when" }, { title: "state" }, { title: "signature" }],
    rows: [...standing].reverse().map((approval) => {
      const { id, allows, maxUsd, at, expiresAt } = approval.content;
      const state = view.usedApprovals.has(id) ? "used" : view.revokedStanding.has(id) ? "revoked" : `valid until ${formatTime(expiresAt)}`;
      return [html`<code>${id}</code>`, `${allows.map(({ verb, role }) => `${verb} ${role}`).join(", ")}${maxUsd === null ? "" : `, up to ${formatUsd(maxUsd)}`}`, formatTime(at), state, signatureOf(approval)];
    }),
  });
}

function breakGlassTable({ evidence: { breakGlass }, view }: Dossier): Html {
  if (breakGlass.length === 0) return nothing;
  return table({
    caption: "Break-glass: overrides of the locks",
    columns: [{ title: "override" }, { title: "reason" }, { title: "what was lost" }, { title: "when" }, { title: "state" }, { title: "signature" }],
    rows: breakGlass.map((override) => {
      const { id, reason, lost, at, expiresAt } = override.content;
      return [html`<code>${id}</code>`, reason, lost.join(" "), formatTime(at), view.usedBreakGlass.has(id) ? "used" : `valid until ${formatTime(expiresAt)}`, signatureOf(override)];
    }),
  });
}
