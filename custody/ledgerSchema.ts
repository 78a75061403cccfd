/** What each kind of ledger line must hold. Readers refuse kinds they do not know; extra properties are kept as they are. */
import { z } from "zod";
import type { LedgerData, LedgerKind } from "./formats";
import { SHA256_HEX } from "./canonical";
import { grantSchema, plannedDeletionSchema, runRefSchema, standingAllowanceSchema, unclaimedSchema } from "./signing/documents";

const digest = z.string().regex(SHA256_HEX);
const text = z.string();
const names = z.array(z.string());
const optionalUsd = z.exactOptional(z.number().min(0));
const details = z.record(z.string(), z.unknown());
const time = z.iso.datetime();

const schemas: { readonly [K in LedgerKind]: z.ZodType<LedgerData[K]> } = {
  "run.declared": z.looseObject({
    run: runRefSchema, custodyId: text, roster: names, plan: z.unknown(),
    endpoint: z.looseObject({ platform: text, api: text, keyFile: z.exactOptional(text), sshPort: z.exactOptional(z.number()) }),
    disposable: z.exactOptional(z.looseObject({ maxHours: z.number().positive() })),
    fromApi: z.exactOptional(z.literal(true)),
    adopted: z.exactOptional(z.literal(true)),
  }),
  "intent.opened": z.looseObject({ intent: text, role: text, name: text, pid: z.int(), startTicks: z.number().nullable(), request: details }),
  "intent.confirmed": z.looseObject({ intent: text, role: text, id: text, name: text }),
  "intent.abandoned": z.looseObject({ intent: text, why: text }),
  "resource.created": z.looseObject({ role: text, kind: text, id: text, name: text, hourlyUsd: optionalUsd, monthlyUsd: optionalUsd, details: z.exactOptional(details) }),
  "resource.lost": z.looseObject({ role: text, id: text, why: text }),
  "resource.deleted": z.looseObject({ role: text, kind: text, id: text, verb: text, grant: text.nullable(), confirmed: text }),
  "tier.listed": z.looseObject({ tier: text, resource: text, reader: text, manifestSha256: digest.nullable(), quiet: z.boolean(), unclaimed: z.array(unclaimedSchema) }),
  "capacity.waiting": z.looseObject({ role: text, since: time, until: time, region: text.nullable(), awaited: names, attempts: z.int().min(0) }),
  "capacity.ended": z.looseObject({ role: text, why: text }),
  "address.changed": z.looseObject({ instance: text, host: text, port: z.int(), user: text }),
  "job.started": z.looseObject({ instance: text, directory: text, cells: names, codeSha256: text, specSha256: text, scriptsSha256: text }),
  "job.updated": z.looseObject({ cells: names, codeSha256: text, specSha256: text, added: z.exactOptional(names), replaced: z.exactOptional(names), by: z.exactOptional(text) }),
  "job.refused": z.looseObject({ cells: names, why: text, by: text }),
  "cells.removed": z.looseObject({ cells: names, why: text, by: text }),
  "cells.ordered": z.looseObject({ order: z.enum(["retry", "fresh", "cancel"]), cells: names, by: text }),
  "manifest.taken": z.looseObject({ manifestSha256: digest, files: z.int(), bytes: z.number(), closed: z.boolean() }),
  "pull.finished": z.looseObject({ manifestSha256: digest, host: text, directory: text, files: z.int(), bytes: z.number(), seconds: z.number() }),
  "verify.failed": z.looseObject({ manifestSha256: digest, problems: z.array(z.looseObject({ path: text, code: text, message: text })) }),
  "receipt.signed": z.looseObject({ receipt: text, manifestSha256: digest, envelopeSha256: digest, keyId: digest, supersedes: z.exactOptional(text) }),
  "approval.signed": z.looseObject({
    approval: text, scope: z.enum(["end", "replace"]), deletions: z.array(plannedDeletionSchema), manifestSha256: digest.nullable(),
    envelopeSha256: digest, keyId: digest, expiresAt: time,
  }),
  "standing.signed": z.looseObject({
    standing: text, allows: z.array(standingAllowanceSchema), maxUsd: z.number().nullable(), envelopeSha256: digest, keyId: digest, expiresAt: time,
  }),
  "standing.revoked": z.looseObject({ standing: text, why: text }),
  "breakglass.signed": z.looseObject({ breakGlass: text, reason: text, deletions: z.array(plannedDeletionSchema), lost: names, expiresAt: time, envelopeSha256: digest, keyId: digest }),
  "teardown.refused": z.looseObject({ at: text, resource: text, reasons: z.array(z.looseObject({ code: text, message: text })) }),
  "grant.sealed": z.looseObject({ grant: grantSchema }),
  "grant.closed": z.looseObject({ grant: text, why: text }),
  "leftover.recorded": z.looseObject({ kind: text, id: text, name: text, monthlyUsd: z.number().nullable(), owned: z.boolean(), remove: text }),
  "audit.closed": z.looseObject({ billing: z.int(), leftovers: z.int(), usd: z.number().nullable() }),
  "lease.granted": z.looseObject({ owner: text, until: time, why: text }),
  "lease.renewed": z.looseObject({ by: text, until: time, why: text }),
  "lease.ended": z.looseObject({ by: text, why: text }),
  "keeper.watching": z.looseObject({ keeper: text, until: time }),
  "custody.recovered": z.looseObject({ from: text, entries: z.int() }),
  "custody.merged": z.strictObject({ heads: z.array(digest).length(2) }),
  note: z.looseObject({ text }),
};

export const ledgerKinds = Object.keys(schemas) as readonly LedgerKind[];

export const isLedgerKind = (kind: string): kind is LedgerKind => Object.hasOwn(schemas, kind);

/** null when the data is what the kind promises. */
export function dataFault(kind: LedgerKind, data: unknown): string | null {
  const parsed = schemas[kind].safeParse(data);
  if (parsed.success) return null;
  return parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
}
