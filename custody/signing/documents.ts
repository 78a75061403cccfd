/** Shapes of the documents custody keeps, checked when they are read. An unknown version or key is refused, never skipped over. */
import { z } from "zod";
import type { Approval, BreakGlass, Grant, Manifest, PlannedDeletion, Receipt, RunRef, StandingAllowance, StandingApproval, UnclaimedData } from "../formats";
import { SHA256_HEX } from "../canonical";

/** Names of projects, stacks and runs: they become folder names here and on the durable tier. */
export const RUN_NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;
/** With .kept-N behind it, what a fresh start of the cell set aside. */
export const CELL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:\.kept-[0-9]{1,4})?$/;

const time = z.iso.datetime();
const bytes = z.int().min(0);
const count = z.int().min(0);
const digest = z.string().regex(SHA256_HEX);
const cellName = z.string().regex(CELL_NAME);
const version1 = z.literal(1);

/** Relative, forward slashes, nothing that leads out of the folder it is joined to. */
const artifactPath = z.string().refine(isArtifactPath, "is not a relative path under cells/ or logs/");

export const runRefSchema = z.strictObject({
  project: z.string().regex(RUN_NAME),
  stack: z.string().regex(RUN_NAME),
  name: z.string().regex(RUN_NAME),
}) satisfies z.ZodType<RunRef>;

export const plannedDeletionSchema = z.strictObject({
  role: z.string().min(1),
  id: z.string().min(1),
  verb: z.string().min(1),
  tiersLost: z.array(z.string().min(1)),
}) satisfies z.ZodType<PlannedDeletion>;

export const unclaimedSchema = z.strictObject({
  tier: z.string(),
  folder: z.string(),
  bytes,
  files: count,
  owner: z.exactOptional(z.string()),
}) satisfies z.ZodType<UnclaimedData>;

const manifestCellSchema = z.strictObject({
  name: cellName,
  state: z.enum(["pending", "running", "complete", "failed", "cancelled", "kept"]),
  exit: z.exactOptional(z.int().nullable()),
  cause: z.exactOptional(z.string().nullable()),
  missing: z.exactOptional(z.array(z.string().min(1)).min(1)),
});

export const manifestSchema = z.strictObject({
  v: version1,
  run: runRefSchema,
  takenAt: time,
  place: z.strictObject({ tier: z.string(), directory: z.string(), resource: z.string() }),
  cells: z.array(manifestCellSchema),
  files: z.array(z.strictObject({ path: artifactPath, bytes, sha256: digest, cell: z.exactOptional(cellName) })),
  scratch: z.strictObject({ files: count, bytes }),
  closed: z.boolean(),
}) satisfies z.ZodType<Manifest>;

export const receiptSchema = z.strictObject({
  v: version1,
  id: z.string().regex(/^rcp_[0-9a-f]{16,32}$/),
  run: runRefSchema,
  manifestSha256: digest,
  how: z.enum(["pulled", "verifiedInPlace"]),
  place: z.strictObject({ host: z.string().min(1), directory: z.string().min(1) }),
  files: count,
  bytes,
  loaded: z.array(z.strictObject({ path: artifactPath, format: z.string(), tensors: z.exactOptional(count) })),
  notLoaded: z.array(z.strictObject({ path: artifactPath, cell: cellName, code: z.string(), message: z.string() })),
  cells: z.array(manifestCellSchema),
  at: time,
}) satisfies z.ZodType<Receipt>;

export const approvalSchema = z.strictObject({
  v: version1,
  id: z.string().regex(/^apr_[0-9a-f]{16,32}$/),
  run: runRefSchema,
  scope: z.enum(["end", "replace"]),
  deletions: z.array(plannedDeletionSchema).min(1),
  manifestSha256: digest.nullable(),
  unclaimed: z.array(unclaimedSchema),
  giveUp: z.strictObject({ cells: z.array(cellName).min(1), reason: z.string().min(1) }).nullable(),
  acceptUnreachable: z.boolean(),
  stopJob: z.exactOptional(z.literal(true)),
  at: time,
  expiresAt: time,
}) satisfies z.ZodType<Approval>;

export const standingAllowanceSchema = z.strictObject({
  role: z.string().min(1),
  verb: z.string().min(1),
  tiersLost: z.array(z.string().min(1)),
}) satisfies z.ZodType<StandingAllowance>;

export const standingSchema = z.strictObject({
  v: version1,
  id: z.string().regex(/^sta_[0-9a-f]{16,32}$/),
  run: runRefSchema,
  life: time,
  allows: z.array(standingAllowanceSchema).min(1),
  require: z.literal("verified"),
  maxUsd: z.number().positive().nullable(),
  at: time,
  expiresAt: time,
}) satisfies z.ZodType<StandingApproval>;

export const breakGlassSchema = z.strictObject({
  v: version1,
  id: z.string().regex(/^bgl_[0-9a-f]{16,32}$/),
  run: runRefSchema,
  reason: z.string().min(1),
  deletions: z.array(plannedDeletionSchema).min(1),
  lost: z.array(z.string().min(1)).min(1),
  at: time,
  expiresAt: time,
}) satisfies z.ZodType<BreakGlass>;

export const grantSchema = z.strictObject({
  v: version1,
  id: z.string().regex(/^grt_[0-9a-f]{16,32}$/),
  run: runRefSchema,
  basis: z.enum(["nothing-at-risk", "receipt-and-approval", "standing-approval", "verified-in-place", "confirmation", "disposable", "grant", "break-glass"]),
  deletions: z.array(plannedDeletionSchema),
  manifestSha256: digest.nullable(),
  approvalId: z.string().nullable(),
  breakGlassId: z.string().nullable(),
  receiptId: z.string().nullable(),
  at: time,
  expiresAt: time,
}) satisfies z.ZodType<Grant>;

/** True for `cells/a/x.npz`, `logs/queue.log`; false for absolute paths, `..`, empty parts, backslashes, control characters. */
export function isArtifactPath(path: string): boolean {
   
  if (!/^(cells|logs)\//.test(path) || /[\u0000-\u001f\u007f\\\ufffd]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** One line per fault: `files.3.sha256: Invalid string`. */
export function faultsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.length === 0 ? "document" : issue.path.join(".")}: ${issue.message}`).join("; ");
}

/** A JSON document of a known version against its schema; `invalid` makes the error of whoever reads it from what is wrong. */
export function readDocument<T extends z.ZodType>(text: string, schema: T, invalid: (fault: string) => Error): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  const version = versionFault(value, "it");
  if (version !== null) throw invalid(version);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(faultsOf(parsed.error));
  return parsed.data;
}

/** Says the version first, since everything else may follow from it. */
export function versionFault(value: unknown, what: string): string | null {
  const version = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
  if (version === 1) return null;
  return `${what} has ${version === undefined ? "no version" : `version ${JSON.stringify(version)}`}; this Holdfast knows version 1`;
}
