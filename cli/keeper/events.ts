/** What the keeper tells people: one shape for every channel. The same thing seen twice has the same id. Pure. */
import { createHash } from "node:crypto";

export type Severity = "info" | "warn" | "urgent";

export const EVENT_KINDS = [
  "run.finished", "run.stopped", "run.ended", "run.unreadable", "cell.complete", "cell.failed", "checkpoint.damaged",
  "clock.warning", "clock.struck", "lease.renewed", "lease.not-renewed", "standing.asked",
  "machine.silent", "machine.answers", "machine.lost", "machine.restarted", "queue.dead", "queue.restarted", "restart.failed", "restart.held-back",
  "capacity.waiting", "capacity.there", "capacity.given-up",
  "verify.failed", "end.waiting", "end.refused", "teardown.failed", "keeper.failed",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Sent as JSON to webhooks and hooks. */
export interface KeeperEvent {
  readonly v: 1;
  /** Stable: a receiver that sees it again has seen it before. */
  readonly id: string;
  readonly at: string;
  /** `project/stack/name`. */
  readonly run: string;
  readonly kind: EventKind;
  readonly severity: Severity;
  /** One line. */
  readonly title: string;
  readonly message: string;
  /** What to type, in order. */
  readonly next: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventText {
  readonly severity: Severity;
  readonly title: string;
  readonly message: string;
  readonly next?: readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Of which run, in which of its lives, now. */
export interface Occasion {
  readonly run: string;
  /** When the life of the run began. */
  readonly life: string;
  readonly now: Date;
}

/** `key`: what makes this one another than the last of its kind in this life: a receipt, an hour, a moment. */
export function eventOf({ run, life, now }: Occasion, kind: EventKind, key: string, { severity, title, message, next = [], data = {} }: EventText): KeeperEvent {
  const id = `evt_${createHash("sha256").update([run, life, kind, key].join("\0")).digest("hex").slice(0, 24)}`;
  return { v: 1, id, at: now.toISOString(), run, kind, severity, title, message, next, data };
}
