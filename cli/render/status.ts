/** A look at a run, for a person. Pure. */
import type { CapacityWaiting } from "../../custody/formats";
import { cellsLeft } from "../runs/cellsLeft";
import type { RemoteCell, RemoteStatus } from "../runs/remoteStatus";
import type { FolderLook } from "../../providers/adopted/folder";
import type { StatusReport } from "../runs/status";
import { formatDistance, formatMoment } from "./moment";
import { renderFailures, stateTones, stateWords } from "./cellState";
import type { Paint } from "./paint";
import { renderFacts, renderTable } from "./table";
import { formatBytes, formatDuration, formatTime, formatUsd, plural } from "./units";

export function renderStatus(report: StatusReport, options: { paint: Paint; width: number | undefined }): string {
  const { paint } = options;
  const cost = [["cost", costText(report)], ...clockFacts(report, paint)] as const;
  const word = report.adopted ? "adopted, read only" : "live";
  const state = report.state === "live" ? paint("good", word) : paint("faint", "ended");
  const lines = [`${paint("strong", report.run)}  ${state}  ${report.platform} (${report.api})`, ""];
  if (report.folder !== null) {
    lines.push(renderFacts([...folderFacts(report, report.folder, paint), ...cost], { paint, width: options.width }));
  } else if (report.remote !== null) {
    lines.push(renderCells(report, report.remote, options), "", ...renderFailures(report.remote.cells, options).flatMap((block) => [block, ""]), renderFacts([...remoteFacts(report, report.remote, paint), ...cost], { paint, width: options.width }));
  } else {
    const silence = report.state === "live" ? paint("bad", "The machine does not answer") : "No look at the machine";
    const why = report.waiting === null ? `${silence}: ${report.unreachable ?? "unknown"}.` : paint("warn", waitingText(report.waiting, report.now));
    lines.push(`${why} This is what the ledger knows:`, "", renderFacts([...ledgerFacts(report), ...cost], { paint, width: options.width }));
    if (report.state === "live" && report.waiting === null && !report.adopted && report.machine !== null) {
      lines.push(...["holdfast audit (asks the vendor whether it stands)", "pulumi up (brings an instance back that is gone)"].map((step) => `  ${paint("faint", "next:")} ${step}`));
    }
  }
  return lines.join("\n");
}

function renderCells(report: StatusReport, remote: RemoteStatus, options: { paint: Paint; width: number | undefined }): string {
  const known = new Map(remote.cells.map((cell) => [cell.cell, cell]));
  const names = [...new Set([...report.roster, ...known.keys()])];
  const rows = names.map((name) => cellRow(name, known.get(name), report, options.paint));
  return renderTable(["cell", "state", "attempt", "newest checkpoint", "age", "ran"], rows, { ...options, right: [2] });
}

/** `Waiting for capacity since ... (2 h 10 min) for gpu_1x_a10 in us-east-1, until ...; pulumi up goes on.` */
export function waitingText({ since, until, region, awaited }: CapacityWaiting, now: string): string {
  const lasted = formatDuration((Date.parse(now) - Date.parse(since)) / 1000);
  const over = Date.parse(now) > Date.parse(until);
  return `Waiting for capacity since ${formatTime(since)} (${lasted}) for ${awaited.join(", ")}${region === null ? "" : ` in ${region}`}, ${over ? "longer than capacity.maxWaitMinutes allows" : `until ${formatTime(until)}`}; pulumi up ${over ? "begins anew" : "goes on"}.`;
}

function cellRow(name: string, cell: RemoteCell | undefined, report: StatusReport, paint: Paint): string[] {
  if (!cell) return [name, paint("faint", "pending"), "-", "-", "-", "-"];
  const tone = stateTones[cell.state];
  const checkpoint = cell.newestCheckpoint;
  const late = checkpoint && cell.state === "running" && report.checkpointEverySeconds !== null && checkpoint.ageSeconds > 3 * report.checkpointEverySeconds;
  const age = checkpoint ? formatDuration(checkpoint.ageSeconds) : "-";
  return [
    name,
    tone ? paint(tone, stateWords(cell)) : stateWords(cell),
    cell.attempt === null || cell.attempt === undefined ? "-" : String(cell.attempt),
    checkpoint ? `${checkpoint.path.split("/").at(-1) ?? checkpoint.path} (${formatBytes(checkpoint.bytes)})` : "-",
    late ? paint("bad", `${age}, late`) : age,
    cell.startedAt ? formatDuration((Date.parse(cell.endedAt ?? report.now) - Date.parse(cell.startedAt)) / 1000) : "-",
  ];
}

function remoteFacts(report: StatusReport, remote: RemoteStatus, paint: Paint): (readonly [string, string])[] {
  const facts: (readonly [string, string])[] = [];
  const writer = { alive: paint("good", "alive"), none: "none" }[remote.writer] ?? paint("warn", remote.writer);
  facts.push(["writer", remote.closed ? `${writer}, queue closed ${formatTime(remote.closed.at)}` : remote.writer === "none" && remote.cells.length > 0 ? standstill(remote, paint) : writer]);
  if (report.machine !== null) facts.push(["machine", `${report.machine.name} (${report.machine.id}) ${report.machine.address ?? ""}`.trimEnd()]);
  if (remote.heartbeat) facts.push(["heartbeat", `${formatDuration((Date.parse(report.now) - Date.parse(remote.heartbeat.at)) / 1000)} ago`]);
  if (typeof remote.bytesFree === "number") {
    const total = typeof remote.bytesTotal === "number" ? ` of ${formatBytes(remote.bytesTotal)}` : "";
    facts.push(["durable tier", `${formatBytes(remote.bytesFree)}${total} free${typeof remote.inodesFree === "number" ? `, ${remote.inodesFree.toLocaleString("en-US")} inodes free` : ""}`]);
  }
  if (remote.setup && remote.setup.state !== "done") facts.push(["setup", `${remote.setup.state === "failed" ? paint("bad", "failed") : remote.setup.state}${remote.setup.why ? `: ${remote.setup.why}` : ""}`]);
  for (const { input, state, why, bytes } of remote.inputs ?? []) {
    if (state !== "ready") facts.push([`input ${input}`, `${state === "failed" ? paint("bad", state) : state}${state === "fetching" && typeof bytes === "number" ? `, ${formatBytes(bytes)} so far` : ""}${why ? `: ${why}` : ""}`]);
  }
  const memory = remote.heartbeat?.memoryBytes;
  if (typeof memory === "number") {
    const limit = remote.heartbeat?.memoryLimitBytes;
    facts.push(["memory", `${formatBytes(memory)} used${typeof limit === "number" ? ` of ${formatBytes(limit)}` : ""}`]);
  }
  return facts;
}

/** Nothing writes, and the queue did not close: the machine bills and trains nothing. */
function standstill({ cells }: RemoteStatus, paint: Paint): string {
  const left = cellsLeft(cells).map(({ cell }) => cell);
  if (left.length === 0) return paint("warn", "none, and nothing is left that would run; the machine bills (holdfast retry goes on, or pull, approve and destroy)");
  return paint("bad", `none: the queue is dead, and ${left.length > 3 ? plural(left.length, "cell") : left.join(", ")} had not ended (pulumi up starts it again)`);
}

function folderFacts({ machine, evidence }: StatusReport, { directory, files, bytes, newest, bytesFree, leadingOut }: FolderLook, paint: Paint): (readonly [string, string])[] {
  return [
    ...(machine === null ? [] : [["machine", machine.name === machine.address ? machine.name : `${machine.name} (${machine.id}) ${machine.address ?? ""}`.trimEnd()] as const]),
    ["folder", `${directory}: ${plural(files, "file")}, ${formatBytes(bytes)}`],
    ["newest file", newest === null ? "none" : `${newest.path} (${formatBytes(newest.bytes)}), written ${formatDuration(Math.max(0, newest.ageSeconds))} ago`],
    ...(bytesFree === null ? [] : [["disk", `${formatBytes(bytesFree)} free`] as const]),
    ...(leadingOut.length === 0 ? [] : [["not in it", paint("warn", `what these links name: ${leadingOut.slice(0, 3).join(", ")}${leadingOut.length > 3 ? ", ..." : ""}`)] as const]),
    ["receipts", evidence.receipts === 0 ? paint("warn", "none: nothing of it was pulled and proven yet") : String(evidence.receipts)],
  ];
}

function ledgerFacts(report: StatusReport): (readonly [string, string])[] {
  return [
    ["machine", report.machine === null ? "none" : `${report.machine.name} (${report.machine.id}) since ${formatTime(report.machine.since)}`],
    ["cells", report.roster.join(", ") || "none"],
    ["newest manifest", report.evidence.newestManifest ?? "none"],
    ["receipts", String(report.evidence.receipts)],
  ];
}

/** Those whose moment is known; a timer that does not exist is no news while the run goes on. */
function clockFacts({ clocks, now }: StatusReport, paint: Paint): (readonly [string, string])[] {
  const dated = clocks.flatMap(({ at, title }) => (at === null ? [] : [{ at, title }]));
  const texts = dated.map(({ at, title }) => {
    const text = `${title} ${formatMoment(at, new Date(now))} (${formatDistance(at, new Date(now))})`;
    return at <= now ? paint("bad", text) : text;
  });
  return texts.length === 0 ? [] : [["clocks", texts.join(", ")]];
}

function costText(report: StatusReport): string {
  const { usdSoFar, usdPerHour, incomplete } = report.cost;
  if (report.adopted && incomplete) return "not known: nobody says its price";
  return `${formatUsd(usdSoFar)} so far, ${formatUsd(usdPerHour)} per hour by list price${report.adopted ? ", since it was adopted" : ""}${incomplete ? " (a price is unknown: lower bounds)" : ""}`;
}
