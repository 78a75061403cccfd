// Audit events: what was done to the account, newest last.
import { randomUUID } from "node:crypto";
import type { SandboxCore } from "../core.js";
import { invalidParameters } from "./errors.js";
import type { AuditEvent, LambdaState } from "./state.js";

const pageSize = 100;
const kept = 2_000;

export function recordAudit(core: SandboxCore, state: LambdaState, resource: string, action: string, id: string): void {
  state.auditEvents.push({
    ...{ service_name: "cloud", resource_name: resource, action, catalog_version: "1.0.0", event_id: randomUUID() },
    ...{ event_time: core.clock.realIso(), actor_lrn: `lrn:iam:user:${state.accountUserId}`, resource_lrns: [`lrn:cloud:${resource}:${id}`] },
    ...{ resource_owner_lrn: null, request_api_key_lrn: null, additional_details: {} },
  });
  if (state.auditEvents.length > kept) state.auditEvents.shift();
}

export interface AuditQuery {
  readonly start?: string;
  readonly end?: string;
  readonly page_token?: string;
  /** `service.resource`, e.g. `cloud.instance`. */
  readonly resource_type?: string;
}

/** One page; `page_token` is null on the last. Throws invalid-parameters for a time or a token that cannot be read. */
export function pageOfAuditEvents(events: readonly AuditEvent[], query: AuditQuery): { data: AuditEvent[]; page_token: string | null } {
  const from = time(query.start, "start") ?? -Infinity;
  const to = time(query.end, "end") ?? Infinity;
  const offset = query.page_token === undefined ? 0 : Number(Buffer.from(query.page_token, "base64").toString());
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalidParameters("Error in request query at 'page_token': Input should be a valid page token");
  const matching = events.filter((event) => {
    const at = Date.parse(event.event_time);
    return at >= from && at <= to && (query.resource_type === undefined || query.resource_type === `${event.service_name}.${event.resource_name}`);
  });
  const next = offset + pageSize;
  return { data: matching.slice(offset, next), page_token: next < matching.length ? Buffer.from(String(next)).toString("base64") : null };
}

function time(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw invalidParameters(`Error in request query at '${name}': Input should be a valid datetime`);
  return at;
}
