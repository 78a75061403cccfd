/**
 * Lambda's errors by cause. The vendor's `code` decides and never its message, with one exception that says so. The most
 * important distinction: was the request carried out? `ambiguous` means nobody knows, and the caller has to look.
 */
import { UserError } from "../../../custody/userError";
import type { HttpResponse, Method } from "../../http";
import { HttpFailure } from "../../http";

export type Failure =
  | "auth"
  | "billing"
  | "quota"
  | "capacity"
  | "wrong-region"
  | "not-found"
  | "conflict"
  | "invalid"
  | "rate-limit"
  | "ambiguous"
  | "transport";

export class LambdaError extends UserError {
  constructor(
    readonly failure: Failure,
    message: string,
    readonly details: { readonly status: number | null; readonly vendorCode: string | null; readonly next: readonly string[]; readonly cause?: unknown },
  ) {
    super(message, { next: details.next, code: `lambda-${failure}`, cause: details.cause });
    this.name = "LambdaError";
  }
}

export const isLambdaError = (error: unknown, ...failures: readonly Failure[]): error is LambdaError =>
  error instanceof LambdaError && (failures.length === 0 || failures.includes(error.failure));

/** An answered request that did not succeed. `redacted` removes secrets from the vendor's text. */
export function errorOfResponse(method: Method, path: string, response: HttpResponse, redacted: (text: string) => string): LambdaError {
  const envelope = errorEnvelope(response.json);
  const failure = failureOf(method, response.status, envelope);
  const said = envelope === null ? notJson(response) : `${envelope.message.replace(/\.?\s*$/, "")} (${envelope.code})`;
  const suggestion = envelope?.suggestion === undefined ? [] : [envelope.suggestion];
  return new LambdaError(failure, redacted(`Lambda answered ${method} ${path} with ${response.status}: ${said}.`), {
    status: response.status,
    vendorCode: envelope?.code ?? null,
    next: [...nextSteps[failure], ...suggestion.map(redacted)],
  });
}

/** A request without a usable answer. */
export function errorOfFailure(method: Method, failure: HttpFailure, redacted: (text: string) => string): LambdaError {
  const kind: Failure = method !== "GET" && failure.sent ? "ambiguous" : "transport";
  return new LambdaError(kind, redacted(`Lambda: ${failure.message}`), { status: null, vendorCode: null, next: nextSteps[kind], cause: failure });
}

/** A success whose body is not what the contract promises. */
export function errorOfBody(method: Method, path: string, status: number, problem: string): LambdaError {
  const kind: Failure = method === "GET" ? "transport" : "ambiguous";
  return new LambdaError(kind, `Lambda answered ${method} ${path} with ${status}, but the answer cannot be read: ${problem}.`, {
    status,
    vendorCode: null,
    next: nextSteps[kind],
  });
}

/** Codes of the contract 1.10.0 and those seen live or in older versions. */
const failureByCode: Readonly<Record<string, Failure>> = {
  "global/invalid-api-key": "auth",
  "global/forbidden": "auth",
  "global/account-inactive": "billing",
  "global/invalid-address": "billing",
  "global/quota-exceeded": "quota",
  "global/object-does-not-exist": "not-found",
  "global/not-found": "not-found",
  "global/invalid-parameters": "invalid",
  "global/duplicate": "conflict",
  "global/conflict": "conflict",
  "instance-operations/launch/insufficient-capacity": "capacity",
  "instance-operations/launch/file-system-in-wrong-region": "wrong-region",
  "instance-operations/launch/file-systems-not-supported": "wrong-region",
  "filesystems/filesystem-in-use": "conflict",
  "firewall-rulesets/firewall-ruleset-in-use": "conflict",
  "ssh-keys/key-in-use": "conflict",
};

interface Envelope {
  readonly code: string;
  readonly message: string;
  readonly suggestion?: string;
}

function failureOf(method: Method, status: number, envelope: Envelope | null): Failure {
  // Tested before the body: what a 429 looks like is documented nowhere.
  if (status === 429) return "rate-limit";
  const unknown: Failure = method === "GET" ? "transport" : "ambiguous";
  // Upstream faults prove nothing about what was done, whatever their status (internal errors come as 409 too).
  if (status >= 500 || envelope === null || envelope.code.startsWith("provider/") || envelope.code === "global/internal-error" || envelope.code === "global/unknown") {
    return status === 401 ? "auth" : unknown;
  }
  const known = failureByCode[envelope.code];
  // The code of a key that is still in use was never printed by anyone who met it, and the contract allows that route
  // invalid-parameters only; its text is known, and decides before a code that says less.
  if ((known === undefined || known === "invalid") && /\bin use\b/i.test(envelope.message)) return "conflict";
  if (known !== undefined) return known;
  if (status === 401) return "auth";
  if (status === 404) return "not-found";
  return status === 409 ? "conflict" : "invalid";
}

function errorEnvelope(json: unknown): Envelope | null {
  const error = (json as { error?: unknown } | null | undefined)?.error;
  if (typeof error !== "object" || error === null) return null;
  const { code, message, suggestion } = error as Record<string, unknown>;
  if (typeof code !== "string") return null;
  return { code, message: typeof message === "string" ? message : "no message", ...(typeof suggestion === "string" && suggestion !== "" ? { suggestion } : {}) };
}

const notJson = (response: HttpResponse): string => {
  if (response.empty) return "an empty body";
  return response.json === undefined ? "a page that is not the API's JSON (an edge or proxy in front of it answered)" : "JSON without an error code";
};

const nextSteps: Readonly<Record<Failure, readonly string[]>> = {
  auth: ["check the API key: LAMBDA_API_KEY, or the file named as its source in the stack's config"],
  billing: ["verify the account's e-mail address, billing address and payment method in Lambda's console, then run the command again"],
  quota: ["ask Lambda support to raise the quota, or remove what is no longer needed (`holdfast audit` lists it)"],
  capacity: ["add instance types to holdfast:capacity.candidates, or raise holdfast:capacity.maxWaitMinutes and maxAttempts"],
  "wrong-region": ["launch in the region of the file system: a Lambda file system cannot be moved or mounted elsewhere"],
  "not-found": ["check the name or id, and that the API key belongs to the account that owns it"],
  conflict: ["wait for the operation that is under way, then run the command again"],
  invalid: ["correct the named field in the stack's config"],
  "rate-limit": ["wait a minute; other programs with the same API key count against the same limit"],
  ambiguous: ["run the command again: it looks for what may have been made before it makes anything"],
  transport: ["check the network and https://status.lambda.ai, then run the command again"],
};
