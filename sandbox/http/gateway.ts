// What a request meets before a vendor's own code: the proxy in front, the key, the rate limit, injected faults; and the
// log entry it leaves. The order is that of the real services: proxy, key, account, rate, then the API itself.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SandboxCore } from "../core.js";
import { spend } from "../knobs.js";
import type { RateLimit } from "./rateLimit.js";

/** An answer that is not a success. `body` is sent as JSON when it is an object, as it is when it is a string. */
export class ApiFault extends Error {
  constructor(
    readonly status: number,
    readonly body: object | string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`HTTP ${status}`);
    this.name = "ApiFault";
  }
}

export interface GatewayOptions {
  /** Returns the key that the request carries; throws ApiFault when it carries none that is valid. */
  readonly authenticate: (authorization: string | undefined) => string;
  /** Throws ApiFault when the account may not use the API at all. */
  readonly admit: () => void;
  readonly limits: (method: string, path: string) => readonly RateLimit[];
  readonly tooManyRequests: () => object;
  readonly serverError: (status: number) => object;
  readonly notFound: () => object;
  readonly invalidBody: (detail: string) => object;
}

const htmlForbidden = "<!DOCTYPE html>\n<html><head><title>Access denied</title></head><body><h1>Error 1010</h1><p>Access denied</p></body></html>\n";
const htmlBadGateway = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n";

/** Puts the gateway in front of every route that is added to `scope` afterwards. */
export function installGateway(scope: FastifyInstance, core: SandboxCore, options: GatewayOptions): void {
  const routes: { method: string; pattern: RegExp }[] = [];
  scope.addHook("onRoute", ({ method, url }) => {
    const pattern = new RegExp(`^${url.replace(/:[a-z_]+/g, "[^/]+")}$`);
    for (const one of [method].flat()) routes.push({ method: one, pattern });
  });

  scope.addHook("onRequest", (request, _reply, done) => {
    const path = pathOf(request);
    meetProxy(core, request);
    const key = options.authenticate(request.headers.authorization);
    options.admit();
    meetRateLimit(core, key, options, options.limits(request.method, path));
    meetServerFault(core, request, options, false);
    done();
  });
  // Bodies are read only now, after the key was accepted, and are judged in the vendor's own words.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "string" }, (_request, text, done) => {
    try {
      done(null, text === "" ? undefined : JSON.parse(String(text)));
    } catch (error) {
      done(new ApiFault(400, options.invalidBody((error as Error).message)), undefined);
    }
  });
  scope.addHook("preSerialization", (request, _reply, payload, done) => {
    meetServerFault(core, request, options, true);
    done(null, payload);
  });
  scope.addHook("onResponse", (request, reply, done) => {
    record(core, request, reply.statusCode);
    done();
  });

  scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => answerFault(request, reply, error, options));
  scope.setNotFoundHandler((request, reply) => {
    const allowed = routes.filter(({ pattern }) => pattern.test(pathOf(request))).map(({ method }) => method);
    const fault =
      allowed.length > 0
        ? new ApiFault(405, { detail: "Method Not Allowed" }, { allow: [...new Set(allowed)].join(", ") })
        : new ApiFault(404, options.notFound());
    return answerFault(request, reply, fault, options);
  });
}

/** Ends the exchange without the answer that the request earned. */
export function loseReply(core: SandboxCore, request: FastifyRequest, reply: FastifyReply, how: "reset" | "502"): void {
  if (how === "502") throw new ApiFault(502, htmlBadGateway);
  record(core, request, 0);
  reply.hijack();
  request.raw.socket.destroy();
}

function meetProxy(core: SandboxCore, request: FastifyRequest): void {
  const agent = request.headers["user-agent"] ?? "";
  const blocked = core.knobs().blockedUserAgents.some((beginning) => agent.startsWith(beginning));
  if (blocked || spend(core.knobs(), "html403")) throw new ApiFault(403, htmlForbidden);
}

function meetRateLimit(core: SandboxCore, key: string, options: GatewayOptions, limits: readonly RateLimit[]): void {
  const { enabled, body, retryAfter, jitterRealMilliseconds } = core.knobs().rateLimit;
  if (!enabled) return;
  const toleranceMs = jitterRealMilliseconds * core.clock.scale;
  for (const limit of limits) {
    const waitMs = limit.take(key, core.clock.now(), toleranceMs);
    if (waitMs === 0) continue;
    const headers = retryAfter ? { "retry-after": String(Math.ceil(waitMs / 1000)) } : {};
    throw new ApiFault(429, body === "json" ? options.tooManyRequests() : "Too Many Requests\n", headers);
  }
}

function meetServerFault(core: SandboxCore, request: FastifyRequest, options: GatewayOptions, committed: boolean): void {
  const path = pathOf(request);
  const fault = core
    .knobs()
    .fail5xx.find(
      (one) => one.count > 0 && one.afterCommit === committed && (one.method ?? request.method) === request.method && path.startsWith(one.path ?? "/"),
    );
  if (!fault) return;
  fault.count -= 1;
  throw new ApiFault(fault.status, options.serverError(fault.status));
}

function answerFault(request: FastifyRequest, reply: FastifyReply, error: Error & { statusCode?: number }, options: GatewayOptions): FastifyReply {
  const fault =
    error instanceof ApiFault
      ? error
      : error.statusCode !== undefined && error.statusCode < 500
        ? new ApiFault(400, options.invalidBody(error.message))
        : new ApiFault(500, options.serverError(500));
  if (fault.status === 500 && !(error instanceof ApiFault)) request.log.error(error);
  const code = typeof fault.body === "object" ? (fault.body as { error?: { code?: string } }).error?.code : undefined;
  if (code !== undefined) faultCodes.set(request, code);
  void reply.code(fault.status).headers(fault.headers);
  if (typeof fault.body === "object") return reply.type("application/json").send(JSON.stringify(fault.body));
  return reply.type(fault.body.startsWith("<") ? "text/html; charset=UTF-8" : "text/plain; charset=UTF-8").send(fault.body);
}

const faultCodes = new WeakMap<FastifyRequest, string>();

function record(core: SandboxCore, request: FastifyRequest, status: number): void {
  const code = faultCodes.get(request);
  core.requests.add({
    ...{ time: core.clock.realIso(), method: request.method, path: request.url, status },
    ...(code === undefined ? {} : { code }),
    ...(request.body === undefined ? {} : { body: request.body }),
  });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? request.url;
}
