/** What is known of the chosen run's machine, what it costs and what strikes when: lines on the screen, the most important first. Pure. */
import { formatDistance, formatMoment, formatTimeOfDay } from "../render/moment";
import type { Paint } from "../render/paint";
import { waitingText } from "../render/status";
import { wrapWords } from "../render/table";
import { formatBytes, formatDuration, formatRough } from "../render/units";
import type { Gpu } from "../runs/remoteStatus";
import type { Screen } from "./look";
import type { WatchedRun } from "./observer";

export function factLines(run: WatchedRun, screen: Screen): string[] {
  const facts = [...silenceFacts(run, screen), ...waitingFacts(run, screen), ...clockFacts(run, screen), ...tierFacts(run, screen), ...memoryFacts(run), ...gpuFacts(run, screen.paint), ...machineFacts(run, screen)];
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.flatMap(([name, text]) => wrapWords(text, screen.columns - width - 2).split("\n").map((line, index) => `${screen.paint("faint", (index === 0 ? name : "").padEnd(width))}  ${line}`));
}

type Fact = readonly [string, string];

function silenceFacts({ silence, seenAt, report }: WatchedRun, { paint, now }: Screen): Fact[] {
  if (silence === null || report?.state !== "live") return [];
  const since = `${timeOf(silence.since, now)} (${formatDuration((now.getTime() - Date.parse(silence.since)) / 1000)})`;
  const shown = seenAt === null ? "it was never seen" : `what is shown is from ${timeOf(seenAt, now)}, ${formatDistance(seenAt, now)}`;
  return [["silent", paint("bad", `no answer since ${since}; ${shown}. ${silence.why}`)]];
}

function waitingFacts({ report }: WatchedRun, { paint, now }: Screen): Fact[] {
  return report?.waiting ? [["waiting", paint("warn", waitingText(report.waiting, now.toISOString()))]] : [];
}

const timeOf = (iso: string, now: Date): string => (formatMoment(iso, now).length === 5 ? formatTimeOfDay(new Date(iso)) : formatMoment(iso, now));

function clockFacts({ report }: WatchedRun, { paint, now }: Screen): Fact[] {
  const texts = (report?.clocks ?? []).flatMap(({ at, title }) => {
    if (at === null) return [];
    const text = `${formatMoment(at, now)} ${title} (${formatDistance(at, now, formatRough)})`;
    return [Date.parse(at) <= now.getTime() ? paint("bad", text) : text];
  });
  if (texts.length === 0) return report?.state === "live" ? [["clocks", "none: nothing ends this run by itself"]] : [];
  return [["clocks", texts.join(", ")]];
}

/** Below this part of the whole the room that is left is a warning. */
const littleLeft = 0.1;

function tierFacts({ report }: WatchedRun, { paint }: Screen): Fact[] {
  const { bytesFree, bytesTotal, inodesFree } = report?.remote ?? {};
  if (typeof bytesFree !== "number") return [];
  const part = typeof bytesTotal === "number" && bytesTotal > 0 ? bytesFree / bytesTotal : null;
  const bytes = `${formatBytes(bytesFree)}${part === null ? "" : ` of ${formatBytes(bytesTotal ?? 0)} (${Math.round(part * 100)} %)`} free`;
  const inodes = typeof inodesFree === "number" ? `${inodesFree.toLocaleString("en-US")} inodes free` : null;
  const few = typeof inodesFree === "number" && inodesFree < 10_000;
  return [["disk", [part !== null && part < littleLeft ? paint("warn", bytes) : bytes, ...(inodes === null ? [] : [few ? paint("warn", inodes) : inodes])].join(", ")]];
}

function memoryFacts({ report }: WatchedRun): Fact[] {
  const { memoryBytes, memoryLimitBytes } = report?.remote?.heartbeat ?? {};
  if (typeof memoryBytes !== "number") return [];
  const limit = typeof memoryLimitBytes === "number" ? ` of ${formatBytes(memoryLimitBytes)} (${Math.round((memoryBytes / memoryLimitBytes) * 100)} %)` : "";
  return [["memory", `${formatBytes(memoryBytes)}${limit} used`]];
}

/** One line each up to four; of more the span. */
function gpuFacts({ report }: WatchedRun, paint: Paint): Fact[] {
  const gpus = report?.remote?.heartbeat?.gpu ?? [];
  if (gpus.length <= 4) return gpus.map((gpu) => [`GPU ${gpu.index ?? "?"}`, gpuText(gpu, paint)]);
  const span = (numbers: (number | null | undefined)[]): string => {
    const known = numbers.filter((number) => typeof number === "number");
    return known.length === 0 ? "?" : `${Math.min(...known)} to ${Math.max(...known)}`;
  };
  return [[`${gpus.length} GPUs`, `${gpus[0]?.name ?? "GPU"}: ${span(gpus.map((gpu) => gpu.utilizationPercent))} % busy, ${span(gpus.map((gpu) => (typeof gpu.memoryUsedMiB === "number" ? Math.round(gpu.memoryUsedMiB / 1024) : null)))} GiB used, ${span(gpus.map((gpu) => gpu.celsius))} C`]];
}

function gpuText({ name, utilizationPercent, memoryUsedMiB, memoryTotalMiB, celsius }: Gpu, paint: Paint): string {
  const busy = typeof utilizationPercent === "number" ? `${utilizationPercent} % busy` : "load unknown";
  const parts = [
    utilizationPercent === 0 ? paint("warn", busy) : busy,
    ...(typeof memoryUsedMiB === "number" ? [`${(memoryUsedMiB / 1024).toFixed(1)}${typeof memoryTotalMiB === "number" ? ` of ${(memoryTotalMiB / 1024).toFixed(1)}` : ""} GiB`] : []),
    ...(typeof celsius === "number" ? [`${celsius} C`] : []),
  ];
  return `${name ?? "GPU"}: ${parts.join(", ")}`;
}

/** A heartbeat that stops while a writer lives is the first sign of a machine that hangs. Seconds. */
const heartbeatLate = 60;

function machineFacts({ report, seenAt }: WatchedRun, { paint, now }: Screen): Fact[] {
  if (!report?.machine) return [];
  const beat = report.remote?.heartbeat?.at;
  // As old as it was when the machine was asked: between two looks nobody knows.
  const age = beat === undefined ? null : (Date.parse(seenAt ?? now.toISOString()) - Date.parse(beat)) / 1000;
  const late = age !== null && age > heartbeatLate && report.remote?.writer === "alive";
  const heartbeat = age === null ? "" : `, heartbeat ${late ? paint("bad", `${formatDuration(age)} old`) : `${formatDuration(age)} old`}`;
  return [["machine", `${report.machine.name}${report.machine.address === null ? "" : ` at ${report.machine.address}`}${heartbeat}`]];
}
