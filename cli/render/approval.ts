/** What a person is shown before consenting to a loss. Pure. */
import { hostname } from "node:os";
import type { DeletionFacts, RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import type { Draft } from "../runs/approval";
import type { Paint } from "./paint";
import { renderFacts, renderTable } from "./table";
import { plainTitles, renderTeardown, standingRows } from "./teardown";
import type { Titles } from "./teardown";
import { formatBytes, formatTime, formatUsd, listOf, plural } from "./units";

export interface ApprovalRendering {
  readonly paint: Paint;
  readonly width: number | undefined;
  readonly titles?: Titles;
}

export function renderApproval(draft: Draft, run: Pick<RunCustody, "ref" | "view">, options: ApprovalRendering): string {
  const { paint, titles = plainTitles } = options;
  const { content } = draft.candidate;
  const view = run.view();
  const names = new Map(view.live.map((resource) => [resource.id, resource.name]));
  const rows = standingRows(content.deletions, draft.plan, (deletion) => names.get(deletion.id) ?? deletion.id, titles);
  const title = content.scope === "end" ? `Ending ${runId(run.ref)} does this:` : `Replacing the ${content.deletions[0]?.role ?? "resource"} of ${runId(run.ref)} does this, while the run goes on:`;
  const parts = [`${paint("strong", title)}\n\n${renderTeardown(rows, { ...options, indent: 2 })}`];
  const after = afterwards(draft);
  if (after.length > 0) parts.push(`  ${paint("warn", "Still billing afterwards:")} ${after.map(({ meter, usdPerMonth }) => `${titles.meter(meter)} ${usdPerMonth === null ? "(amount by use)" : `${formatUsd(usdPerMonth)} per month`}`).join(", ")}`);
  else if (content.scope === "end") parts.push(`  Nothing of it bills afterwards.`);
  if (content.unclaimed.length > 0) parts.push(renderUnclaimed(draft, options));
  parts.push(renderFacts(evidenceFacts(draft, paint), { paint, indent: 2 }));
  return parts.join("\n\n");
}

export function renderReasons(reasons: readonly { readonly message: string }[], paint: Paint): string {
  return reasons.map((reason) => `  ${paint("bad", "-")} ${reason.message}`).join("\n");
}

/** A meter bills on when every deletion that touches it lets it; one that any deletion stops does not. */
export function afterwards(draft: Pick<Draft, "plan" | "candidate">): { meter: string; usdPerMonth: number | null }[] {
  const planned = draft.candidate.content.deletions.flatMap(
    (deletion) => draft.plan?.teardown.deletions.filter((candidate) => candidate.role === deletion.role && candidate.verb === deletion.verb) ?? [],
  );
  const states = planned.flatMap((deletion) => deletion.metersAfter);
  const stopped = new Set(states.filter((after) => after.state === "stops").map((after) => after.meter));
  const going = new Map(states.filter((after) => after.state === "continues" && !stopped.has(after.meter)).map((after) => [after.meter, after.usdPerMonth]));
  return [...going].map(([meter, usdPerMonth]) => ({ meter, usdPerMonth }));
}

function renderUnclaimed(draft: Draft, { paint, width }: ApprovalRendering): string {
  const rows = draft.candidate.content.unclaimed.map((data) => [data.folder, data.tier, formatBytes(data.bytes), String(data.files)]);
  return `  ${paint("bad", "Also lost: data on these tiers that no manifest of this run names")}\n${renderTable(["folder", "tier", "size", "files"], rows, { paint, width, right: [2, 3], indent: 2 })}`;
}

function evidenceFacts(draft: Draft, paint: Paint): (readonly [string, string])[] {
  const { content } = draft.candidate;
  const facts: (readonly [string, string])[] = [["artifacts", artifactsText(draft.facts, paint)]];
  if (content.scope === "end") facts.push(["receipt", receiptText(draft, paint)]);
  if (content.giveUp !== null) facts.push(["given up", `${paint("warn", listOf(content.giveUp.cells))}: ${content.giveUp.reason}`]);
  if (content.acceptUnreachable) facts.push(["unreachable", paint("bad", "accepted: what the machine wrote since the newest manifest is lost")]);
  if (content.stopJob === true) facts.push(["the job", paint("warn", "is ended first, at a checkpoint; what it computes after that checkpoint is computed again")]);
  facts.push(["valid until", formatTime(content.expiresAt)]);
  return facts;
}

function artifactsText(facts: DeletionFacts, paint: Paint): string {
  switch (facts.remote.state) {
    case "reachable": {
      const { manifest } = facts.remote;
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      const states = [...new Set(manifest.cells.map((cell) => cell.state))];
      const cells = states.map((state) => `${manifest.cells.filter((cell) => cell.state === state).length} ${state}`).join(", ");
      const { scratch } = manifest;
      const besides = scratch.files === 0 ? "" : paint("warn", `; besides ${plural(scratch.files, "file")}, ${formatBytes(scratch.bytes)}, that the job calls scratch: in no copy`);
      return `${plural(manifest.files.length, "file")}, ${formatBytes(bytes)} (${cells || "no cells"})${besides}`;
    }
    case "unlistable":
      return paint("bad", `they cannot be listed faithfully: ${facts.remote.reason}`);
    case "unreachable":
      return paint("bad", `the machine cannot be asked: ${facts.remote.reason}`);
    case "none":
      return `no machine holds any: ${facts.remote.why}`;
    default:
      return facts.remote satisfies never;
  }
}

function receiptText(draft: Draft, paint: Paint): string {
  const { facts, candidate } = draft;
  const covering = facts.receipts.find(({ signed, copy }) => signed.trusted && copy === "matches" && signed.content.manifestSha256 === candidate.content.manifestSha256);
  if (!covering) return paint("bad", facts.receipts.length === 0 ? "none" : "none for what is there now");
  const { place, loaded, at } = covering.signed.content;
  const where = place.host === hostname() ? place.directory : `${place.host}:${place.directory}`;
  return `${paint("good", "all of it")} pulled to ${where}, ${plural(loaded.length, "file")} loaded, ${formatTime(at)}, hashed again now`;
}
