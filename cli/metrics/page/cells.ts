/** The cells: how each ended, what it left, and what failed. Pure. */
import { formatBytes, formatDuration, formatTime } from "../../render/units";
import type { Dossier, DossierCell } from "./dossier";
import { badge, html, nothing, table, type Html } from "./html";

export function cellSection({ cells, at }: Dossier): Html {
  const failed = cells.filter(({ state }) => state === "failed" || state === "cancelled");
  return html`<section aria-labelledby="cells"><h2 id="cells">Cells</h2>
${table({
  caption: "State and artifacts of each cell",
  columns: [{ title: "cell" }, { title: "state" }, { title: "attempts", right: true }, { title: "ran", right: true }, { title: "files", right: true }, { title: "size", right: true }, { title: "newest checkpoint" }],
  rows: cells.map((cell) => [cell.name, stateBadge(cell), cell.attempt ?? "-", ran(cell, at), cell.artifacts?.files ?? "-", cell.artifacts === null ? "-" : formatBytes(cell.artifacts.bytes), newest(cell)]),
})}
${failed.length === 0 ? nothing : html`<h3>Not complete</h3>${table({
    caption: "Cells that ended before they were complete",
    columns: [{ title: "cell" }, { title: "why" }, { title: "exit code", right: true }, { title: "when" }],
    rows: failed.map(({ name, state, cause, exit, endedAt }) => [name, `${state}${cause === null ? "" : `: ${cause}`}`, exit ?? "-", endedAt === null ? "-" : formatTime(endedAt)]),
  })}`}
<details class="paper"><summary>What each cell runs</summary>${table({
    caption: "Command lines, without what looks like a secret, and the digest of each cell's configuration",
    columns: [{ title: "cell" }, { title: "command" }, { title: "configuration, sha256" }],
    rows: cells.map(({ name, command, configSha256 }) => [name, command === null ? "-" : html`<code>${command}</code>`, html`<code>${configSha256?.slice(0, 16) ?? "-"}</code>`]),
  })}</details>
</section>`;
}

const kinds = { complete: "good", running: "plain", pending: "plain", failed: "bad", cancelled: "warn" } as const;

const stateBadge = ({ state }: DossierCell): Html => badge((kinds as Readonly<Record<string, "good" | "plain" | "bad" | "warn">>)[state] ?? "warn", state);

const ran = ({ startedAt, endedAt }: DossierCell, now: string): string => (startedAt === null ? "-" : formatDuration((Date.parse(endedAt ?? now) - Date.parse(startedAt)) / 1000));

function newest({ artifacts }: DossierCell): Html | string {
  const file = artifacts?.newest;
  return file === null || file === undefined ? "-" : html`${file.path.split("/").at(-1)} <code class="quiet" title="${file.sha256}">${file.sha256.slice(0, 12)}</code>`;
}
