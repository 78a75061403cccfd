/**
 * The one HTTP client. It sends JSON, tells what is known about a failed request (was it sent at all?), repeats reads
 * within bounds and never repeats a mutation: whoever asked for one looks at the other side before asking again.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pRetry from "p-retry";
import type { Clock } from "../custody/clock";
import type { Method, Transport, WireRequest, WireResponse } from "./httpTransport";
import { HttpFailure, systemTransport } from "./httpTransport";

export { HttpFailure } from "./httpTransport";
export type { Method, Transport, WireRequest, WireResponse } from "./httpTransport";

export interface HttpResponse {
  readonly status: number;
  /** The parsed body; undefined when it is empty or is not JSON. */
  readonly json: unknown;
  readonly empty: boolean;
}

export interface HttpOptions {
  /** Paths are appended to it as they are. */
  readonly baseUrl: string;
  /** Sent with every request; may hold credentials, so it is never printed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Awaited before every attempt, repeats included: the vendor counts them all. */
  readonly pace?: (request: { readonly method: Method; readonly path: string }) => Promise<void>;
  readonly retry?: RetryPolicy;
  readonly timeoutMilliseconds?: number;
  readonly maxBytes?: number;
  readonly transport?: Transport;
  /** A failure point for tests: what it throws happens to the request at that point. */
  readonly fault?: (point: "before-send" | "after-reply", request: WireRequest) => void | Promise<void>;
}

export interface RetryPolicy {
  /** Repeats after the first attempt, of GET only. */
  readonly retries: number;
  readonly firstDelayMilliseconds: number;
  readonly maxDelayMilliseconds: number;
}

export interface HttpClient {
  /** Throws HttpFailure when there is no usable answer; every answered status resolves. */
  request(method: Method, path: string, options?: RequestOptions): Promise<HttpResponse>;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly timeoutMilliseconds?: number;
  /** Called after pacing, just before the request leaves; what it throws means that nothing was sent. */
  readonly beforeSend?: () => Promise<void>;
}

export function createHttpClient(options: HttpOptions): HttpClient {
  const transport = options.transport ?? systemTransport;
  const retry = options.retry ?? { retries: 3, firstDelayMilliseconds: 1000, maxDelayMilliseconds: 15_000 };

  async function attempt(method: Method, path: string, { body, timeoutMilliseconds = options.timeoutMilliseconds ?? 30_000, beforeSend }: RequestOptions): Promise<WireResponse> {
    await options.pace?.({ method, path });
    await beforeSend?.();
    const request: WireRequest = {
      method,
      url: `${options.baseUrl}${path}`,
      headers: {
        accept: "application/json",
        "user-agent": userAgent(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMilliseconds,
      maxBytes: options.maxBytes ?? 8 * 1024 * 1024,
    };
    await options.fault?.("before-send", request);
    const response = await follow(transport, request);
    await options.fault?.("after-reply", request);
    return response;
  }

  async function read(path: string, request: RequestOptions): Promise<WireResponse> {
    try {
      return await pRetry(
        async () => {
          const response = await attempt("GET", path, request);
          if (worthRepeating(response)) throw new Unusable(response);
          return response;
        },
        {
          retries: retry.retries,
          // The wait is on the injected clock, which p-retry's own timer does not know.
          minTimeout: 0,
          shouldRetry: async ({ error, attemptNumber, retriesLeft }) => {
            if (retriesLeft === 0 || !(error instanceof Unusable || (error instanceof HttpFailure && error.reason !== "redirect"))) return false;
            await options.clock.sleep(delayBefore(attemptNumber, retry, error instanceof Unusable ? error.response : null));
            return true;
          },
        },
      );
    } catch (error) {
      if (error instanceof Unusable) return error.response;
      throw error;
    }
  }

  return {
    async request(method, path, request = {}) {
      const response = method === "GET" ? await read(path, request) : await attempt(method, path, request);
      return { status: response.status, json: parsed(response.body), empty: response.body.trim() === "" };
    },
  };
}

/** Replaces the given values, and the values of the given JSON fields, in any text that may be printed. */
export function redact(text: string, secrets: { readonly values: readonly string[]; readonly fields: readonly string[] }): string {
  let result = text.replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, "[redacted]");
  for (const value of secrets.values) {
    if (value.length >= 4) result = result.replaceAll(value, "[redacted]");
  }
  for (const field of secrets.fields) {
    result = result.replace(new RegExp(`(["']?${field}["']?\\s*[:=]\\s*)("(?:[^"\\\\]|\\\\.)*"?|'[^']*'?|[^\\s,}]+)`, "g"), "$1[redacted]");
  }
  return result;
}

let agentName: string | undefined;

/** `holdfast/<version>`. Some vendors' edges refuse the default names of HTTP libraries. */
export function userAgent(): string {
  agentName ??= `holdfast/${(JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8")) as { version: string }).version}`;
  return agentName;
}

/** An answer that a later attempt may better: a rate limit, a server error, or something that is not the API speaking. */
class Unusable extends Error {
  constructor(readonly response: WireResponse) {
    super(`status ${response.status}`);
  }
}

function worthRepeating({ status, body }: WireResponse): boolean {
  if (status === 429 || status >= 500) return true;
  // Edges in front of an API answer in HTML; the API itself never does.
  return (status === 200 || status === 403) && parsed(body) === undefined;
}

const longestRetryAfterSeconds = 60;

function delayBefore(attemptNumber: number, retry: RetryPolicy, response: WireResponse | null): number {
  const seconds = Number(response?.headers["retry-after"]);
  if (Number.isFinite(seconds) && seconds > 0) return Math.min(seconds, longestRetryAfterSeconds) * 1000;
  const doubled = Math.min(retry.firstDelayMilliseconds * 2 ** (attemptNumber - 1), retry.maxDelayMilliseconds);
  // Jitter, so that several processes that were refused together do not come back together.
  return doubled * (0.75 + Math.random() * 0.5);
}

/** Reads follow redirects within the origin. A mutation is never sent anywhere but where it was asked to go. */
async function follow(transport: Transport, request: WireRequest): Promise<WireResponse> {
  let current = request;
  for (let hop = 0; hop < 4; hop++) {
    const response = await transport(current);
    if (response.status < 300 || response.status > 399) return response;
    const target = redirectTarget(response, current.url);
    if (request.method !== "GET" || target === null || target.origin !== new URL(request.url).origin) {
      const where = target === null ? "" : ` to ${target.origin}${target.pathname}`;
      // A server that redirects has not carried the request out, except by 303, which says "done, look there".
      throw new HttpFailure("redirect", response.status === 303, `${request.method} ${new URL(request.url).pathname} was answered with a redirect${where}, which is not followed.`);
    }
    current = { ...current, url: target.href };
  }
  throw new HttpFailure("redirect", false, `GET ${new URL(request.url).pathname} is redirected in circles.`);
}

function redirectTarget(response: WireResponse, base: string): URL | null {
  const location = response.headers["location"];
  return location !== undefined && URL.canParse(location, base) ? new URL(location, base) : null;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
