// The last API calls, for tests and for `GET /_sandbox/requests`. Headers are not kept at all, and secrets in bodies are
// replaced before they are stored.
export interface RequestRecord {
  /** Real time, ISO 8601. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  /** HTTP status; 0 when the connection was cut instead of answered. */
  readonly status: number;
  /** The error code of the answer, where it has one. */
  readonly code?: string;
  readonly body?: unknown;
}

const secretKeys: ReadonlySet<string> = new Set(["private_key", "user_data", "jupyter_token", "jupyter_url", "authorization"]);
const kept = 5000;

export class RequestLog {
  private readonly records: RequestRecord[] = [];

  add(record: RequestRecord): void {
    this.records.push(record.body === undefined ? record : { ...record, body: redact(record.body) });
    if (this.records.length > kept) this.records.shift();
  }

  all(): readonly RequestRecord[] {
    return this.records;
  }
}

export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secretKeys.has(key.toLowerCase()) ? "[redacted]" : redact(inner)]),
  );
}
