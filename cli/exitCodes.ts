/** What the command's exit code says. Documented in `holdfast --help`; programs may rely on it. */
import { RemoteUnreachable } from "../custody/remote";
import { UserError } from "../custody/userError";
import type { RefusalCode } from "../custody";

export const exitCodes = {
  ok: 0,
  /** A bug, or a fault of the environment that has no better code. */
  unexpected: 1,
  /** The command line or a configuration file is wrong, or this is no project. */
  usage: 2,
  /** Refused on purpose: something is missing that protects data, or something unexpected bills. */
  refused: 3,
  /** The run, cell or file does not exist, or there is nothing to do. */
  notFound: 4,
  /** The machine or the vendor's API does not answer. It proves nothing about the run. */
  unreachable: 5,
  /** Bytes or checkpoints are not what the manifest says. */
  verification: 6,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeHelp: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, "done"],
  [exitCodes.unexpected, "unexpected failure (HOLDFAST_DEBUG=1 shows the stack)"],
  [exitCodes.usage, "wrong usage or configuration, or not inside a project"],
  [exitCodes.refused, "refused: something that protects data is missing, or something unexpected bills"],
  [exitCodes.notFound, "not found, or nothing to do"],
  [exitCodes.unreachable, "the machine or the vendor does not answer"],
  [exitCodes.verification, "verification failed"],
  [exitCodes.interrupted, "interrupted"],
];

/** Codes of custody's decisions: each is a refusal. */
const refusals: Readonly<Record<RefusalCode, true>> = {
  "writer-alive": true, "not-closed": true, "not-reachable": true, "no-manifest": true, "cells-unfinished": true, "roster-mismatch": true,
  "no-receipt": true, "receipt-stale": true, "receipt-untrusted": true, "receipt-copy-missing": true, "receipt-copy-differs": true, "receipt-copy-goes": true, "receipt-elsewhere": true, "receipt-temporary": true,
  "no-approval": true, "approval-expired": true, "approval-used": true, "approval-untrusted": true, "approval-other": true, "approval-tiers": true, "standing-void": true,
  "unclaimed-data": true, "other-run-data": true, "unknown-tier": true, "grant-expired": true, "break-glass-void": true,
};

/** Codes of other UserErrors whose meaning is narrower than "usage or configuration". */
const codeMeanings: Readonly<Record<string, ExitCode>> = {
  refused: exitCodes.refused,
  "confirmation-needed": exitCodes.refused,
  "standing-unnamed": exitCodes.refused,
  "key-untrusted": exitCodes.refused,
  "lock-missing": exitCodes.refused,
  adopted: exitCodes.refused,
  "run-exists": exitCodes.refused,
  "instance-unknown": exitCodes.notFound,
  "folder-missing": exitCodes.notFound,
  "custody-elsewhere": exitCodes.refused,
  "custody-conflict": exitCodes.refused,
  "foreign-endpoint": exitCodes.refused,
  "shared-store-unknown": exitCodes.unreachable,
  "shared-store": exitCodes.unreachable,
  "shared-busy": exitCodes.unreachable,
  "run-unknown": exitCodes.notFound,
  "no-custody": exitCodes.notFound,
  "no-job": exitCodes.notFound,
  "nothing-to-recover": exitCodes.notFound,
  "manifest-missing": exitCodes.notFound,
  "ledger-broken": exitCodes.verification,
  "ledgers-differ": exitCodes.verification,
  "manifest-invalid": exitCodes.verification,
  "evidence-malformed": exitCodes.verification,
  "run-not-found": exitCodes.notFound,
  "cell-not-found": exitCodes.notFound,
  "not-found": exitCodes.notFound,
  "nothing-to-do": exitCodes.notFound,
  "no-machine": exitCodes.notFound,
  "cell-state": exitCodes.refused,
  "edit-refused": exitCodes.refused,
  unreachable: exitCodes.unreachable,
  transport: exitCodes.unreachable,
  "verification-failed": exitCodes.verification,
  "verify-failed": exitCodes.verification,
  "host-key-changed": exitCodes.refused,
  "pull-running": exitCodes.refused,
  "manifest-changed": exitCodes.verification,
  "manifest-refused": exitCodes.verification,
  "folder-unreadable": exitCodes.verification,
  "ssh-denied": exitCodes.unreachable,
  "ssh-timeout": exitCodes.unreachable,
  "disk-full": exitCodes.unexpected,
  "inodes-full": exitCodes.unexpected,
  "not-writable": exitCodes.unexpected,
  "remote-command": exitCodes.unexpected,
  "transfer-failed": exitCodes.unexpected,
  "ledger-behind": exitCodes.refused,
  "rescue-late": exitCodes.refused,
  "reader-stands": exitCodes.refused,
  "open-intent": exitCodes.refused,
  "intent-in-progress": exitCodes.refused,
  "not-as-declared": exitCodes.refused,
  "lock-held": exitCodes.refused,
  "still-billing": exitCodes.refused,
  "still-open": exitCodes.refused,
  uncommitted: exitCodes.refused,
  "run-moved": exitCodes.refused,
  "run-renamed": exitCodes.refused,
  "others-depend": exitCodes.refused,
  "code-changed": exitCodes.refused,
  "key-exposed": exitCodes.refused,
  "no-plan": exitCodes.notFound,
  "no-state": exitCodes.notFound,
  "undeclared-run": exitCodes.notFound,
  "no-checkpoint": exitCodes.notFound,
  "log-not-open": exitCodes.notFound,
  "directory-gone": exitCodes.notFound,
  "lambda-instance-gone": exitCodes.notFound,
  "manifest-malformed": exitCodes.verification,
  "custody-invalid": exitCodes.verification,
  "no-capacity": exitCodes.unexpected,
  "lambda-capacity": exitCodes.unexpected,
  "no-engine": exitCodes.unexpected,
  "not-mounted": exitCodes.unexpected,
  "status-malformed": exitCodes.unexpected,
  "verifier-failed": exitCodes.unexpected,
  session: exitCodes.unexpected,
  preflight: exitCodes.unexpected,
  engine: exitCodes.unexpected,
  "engine-gone": exitCodes.unexpected,
  unexpected: exitCodes.unexpected,
};

export function exitCodeFor(thrown: unknown): ExitCode {
  if (thrown instanceof Interrupted) return exitCodes.interrupted;
  if (thrown instanceof RemoteUnreachable) return exitCodes.unreachable;
  if (thrown instanceof UserError && Object.hasOwn(refusals, thrown.code)) return exitCodes.refused;
  if (thrown instanceof UserError) return codeMeanings[thrown.code] ?? exitCodes.usage;
  return exitCodes.unexpected;
}

/** The person pressed Ctrl-C; what had been done stays valid. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted");
    this.name = "Interrupted";
  }
}
