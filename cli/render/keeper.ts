/** What a pass of the keeper brought, for a person: one line per run, its news below. Pure. */
import type { PassReport } from "../keeper/pass";
import type { KeeperEvent } from "../keeper/events";
import type { Paint, Tone } from "./paint";
import { formatDistance, formatMoment } from "./moment";
import { formatUsd } from "./units";

export interface KeeperRendering {
  readonly paint: Paint;
  readonly now: Date;
}

export function renderPass(reports: readonly PassReport[], options: KeeperRendering): string {
  return reports.map((report) => [renderState(report, options), ...renderNews(report, options)].join("\n")).join("\n");
}

const tones: Readonly<Record<PassReport["state"], Tone>> = { fine: "good", ended: "faint", waits: "warn", unproven: "bad", silent: "bad", skipped: "faint", failed: "bad" };

export function renderState(report: PassReport, { paint, now }: KeeperRendering): string {
  const time = report.at.slice(11, 19);
  const parts = [
    report.cells.complete === null ? "" : `${report.cells.complete}/${report.cells.total} cells`,
    report.usdSoFar === null ? "" : `${formatUsd(report.usdSoFar)}${report.usdPerHour === null || report.usdPerHour === 0 ? "" : `, ${formatUsd(report.usdPerHour)}/h`}`,
    report.nextClock?.at == null ? "" : `${report.nextClock.title} ${formatMoment(report.nextClock.at, now)} (${formatDistance(report.nextClock.at, now)})`,
    report.did,
  ].filter((part) => part !== "");
  return `${paint("faint", time)} ${paint("strong", report.run)}  ${paint(tones[report.state], report.activity)}${parts.length === 0 ? "" : `  ${parts.join(", ")}`}`;
}

export function renderNews(report: PassReport, { paint }: Pick<KeeperRendering, "paint">): string[] {
  return [
    ...report.events.flatMap((event) => renderEvent(event, paint)),
    ...report.problems.map((problem) => `  ${paint("warn", problem)}`),
  ];
}

const eventTones = { info: "accent", warn: "warn", urgent: "bad" } as const;

function renderEvent(event: KeeperEvent, paint: Paint): string[] {
  return [
    `  ${paint(eventTones[event.severity], event.kind)}  ${event.title}`,
    ...event.message.split("\n").map((line) => `    ${line}`),
    ...event.next.map((step) => `    ${paint("faint", "next:")} ${step}`),
  ];
}
