/** The real transport: undici, one connection per mutation, a hard limit on time and size. */
import type { Agent, Dispatcher, EnvHttpProxyAgent } from "undici";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What goes over the wire. Header names are lower case; the body is JSON text. */
export interface WireRequest {
  readonly method: Method;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMilliseconds: number;
  readonly maxBytes: number;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends one request. Rejects with HttpFailure; resolves for every status. Does not follow redirects. */
export type Transport = (request: WireRequest) => Promise<WireResponse>;

/** No answer, or one that cannot be used. `sent: false` proves that the other side never saw the request. */
export class HttpFailure extends Error {
  constructor(
    readonly reason: "not-connected" | "timeout" | "connection" | "too-large" | "redirect",
    readonly sent: boolean,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = "HttpFailure";
  }
}

const connectTimeoutMilliseconds = 10_000;

export const systemTransport: Transport = async (request) => {
  const signal = AbortSignal.timeout(request.timeoutMilliseconds);
  const undici = await loadUndici();
  try {
    const response = await undici.request(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      dispatcher: dispatcherFor(undici, request.url),
      signal,
    });
    return {
      status: response.statusCode,
      headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
      body: await readBody(response.body, request.maxBytes),
    };
  } catch (error) {
    throw error instanceof HttpFailure ? error : failureOf(error, request, signal.aborted);
  }
};

/** At the first request: a preview sends none, and loading it takes 80 ms of a processor. */
const loadUndici = (): Promise<typeof import("undici")> => import("undici");

let direct: Agent | undefined;
let proxied: EnvHttpProxyAgent | undefined;

/** HTTPS_PROXY and NO_PROXY are honoured, except on loopback, where a proxy cannot mean the same machine. */
function dispatcherFor(undici: typeof import("undici"), url: string): Dispatcher {
  // No keep-alive: on a connection that the server has just closed nobody could tell whether a launch was carried out.
  const options = { pipelining: 0, connect: { timeout: connectTimeoutMilliseconds } };
  const { hostname } = new URL(url);
  const loopback = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return loopback ? (direct ??= new undici.Agent(options)) : (proxied ??= new undici.EnvHttpProxyAgent(options));
}

async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new HttpFailure("too-large", true, `The answer is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Causes that prove that no byte of the request left: the connection was never made. */
const neverConnected = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function failureOf(error: unknown, request: WireRequest, timedOut: boolean): HttpFailure {
  const { code, syscall } = codeOf(error);
  const what = `${request.method} ${new URL(request.url).pathname}`;
  const host = new URL(request.url).host;
  // ECONNREFUSED, EHOSTUNREACH and the like prove it only when connecting failed, not on a connection that stood.
  if (code !== null && (neverConnected.has(code) || syscall === "connect")) {
    return new HttpFailure("not-connected", false, `${what}: no connection to ${host} (${code}).`, { cause: error });
  }
  if (timedOut) return new HttpFailure("timeout", true, `${what}: ${host} did not answer within ${Math.round(request.timeoutMilliseconds / 1000)} s.`, { cause: error });
  return new HttpFailure("connection", true, `${what}: the connection to ${host} broke before the answer was complete${code === null ? "" : ` (${code})`}.`, { cause: error });
}

function codeOf(error: unknown): { code: string | null; syscall: string | null } {
  if (!(error instanceof Error)) return { code: null, syscall: null };
  // Several addresses were tried: Node reports an AggregateError whose parts carry the codes.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const { code, syscall } = error as NodeJS.ErrnoException;
  return { code: code ?? null, syscall: syscall ?? null };
}
