/** The HTTP client against a real local server: no mutation sent twice, no endless answer, no leaked secret. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { HttpClient, HttpOptions } from "../../../providers/http";
import { createHttpClient, HttpFailure, redact, userAgent } from "../../../providers/http";
import { testClock } from "./doubles/clock";

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(t: TestContext, handler: Handler, options: Partial<HttpOptions> = {}): Promise<{ client: HttpClient; seen: IncomingMessage[]; clock: ReturnType<typeof testClock>; url: string }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    request.resume();
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const clock = testClock();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: createHttpClient({ baseUrl: url, headers: { authorization: "Bearer secret_1234" }, clock, ...options }), seen, clock, url };
}

const failure = (reason: HttpFailure["reason"], sent: boolean) => (error: unknown) => error instanceof HttpFailure && error.reason === reason && error.sent === sent;

test("a mutation is sent once, whatever the answer", async (t) => {
  const { client, seen } = await serve(t, (_request, response) => response.writeHead(503).end("busy"));
  assert.equal((await client.request("POST", "/launch", { body: {} })).status, 503);
  assert.equal(seen.length, 1);
});

test("a mutation whose connection breaks is reported as sent, so that its caller looks", async (t) => {
  const { client, seen } = await serve(t, (request) => request.socket.destroy());
  await assert.rejects(client.request("POST", "/launch", { body: {} }), failure("connection", true));
  assert.equal(seen.length, 1);
});

test("a mutation that found nobody listening is reported as never sent", async () => {
  const client = createHttpClient({ baseUrl: "http://127.0.0.1:1", headers: {}, clock: testClock() });
  await assert.rejects(client.request("POST", "/launch", { body: {} }), failure("not-connected", false));
});

test("a mutation that is never answered ends at its time limit", async (t) => {
  const { client } = await serve(t, () => undefined, { timeoutMilliseconds: 100 });
  await assert.rejects(client.request("POST", "/launch", { body: {} }), failure("timeout", true));
});

test("a mutation does not follow a redirect, and says whether the answer means that it was carried out", async (t) => {
  const { client, seen } = await serve(t, (request, response) => response.writeHead(request.url === "/303" ? 303 : 307, { location: "https://elsewhere.example.com/x" }).end());
  await assert.rejects(client.request("POST", "/307", { body: {} }), (error) => failure("redirect", false)(error) && String(error).includes("elsewhere.example.com"));
  await assert.rejects(client.request("POST", "/303", { body: {} }), failure("redirect", true));
  assert.equal(seen.length, 2);
});

test("a read follows a redirect within its origin and never carries the key to another", async (t) => {
  const { client, seen } = await serve(t, (request, response) => {
    if (request.url === "/new") response.end('{"data":1}');
    else response.writeHead(302, { location: request.url === "/old" ? "/new" : "http://127.0.0.1:1/stolen" }).end();
  });
  assert.deepEqual((await client.request("GET", "/old")).json, { data: 1 });
  await assert.rejects(client.request("GET", "/away"), failure("redirect", false));
  assert.equal(seen.length, 3);
});

test("a read is repeated a bounded number of times, with growing waits, and its last answer is returned", async (t) => {
  const { client, seen, clock } = await serve(t, (_request, response) => response.writeHead(500).end("no"));
  assert.equal((await client.request("GET", "/instances")).status, 500);
  assert.equal(seen.length, 4);
  assert.equal(clock.slept.length, 3);
  assert.ok((clock.slept[2] ?? 0) > (clock.slept[0] ?? 0));
});

test("a read survives a rate limit, a broken connection, a server error and an edge's HTML page", async (t) => {
  const { client, seen } = await serve(
    t,
    (request, response, count) => {
      if (count === 1) response.writeHead(429).end("slow down");
      else if (count === 2) request.socket.destroy();
      else if (count === 3) response.writeHead(403, { "content-type": "text/html" }).end("<html>error code: 1010</html>");
      else response.end('{"data":[]}');
    },
  );
  assert.deepEqual((await client.request("GET", "/instances")).json, { data: [] });
  assert.equal(seen.length, 4);
});

test("Retry-After is obeyed, but not for hours", async (t) => {
  const { client, clock } = await serve(t, (_request, response, count) => {
    if (count === 1) response.writeHead(429, { "retry-after": "7" }).end();
    else if (count === 2) response.writeHead(429, { "retry-after": "86400" }).end();
    else response.end("{}");
  });
  await client.request("GET", "/instances");
  assert.deepEqual(clock.slept, [7000, 60_000]);
});

test("a refusal that is an answer (404, 403 in JSON) is not asked for again", async (t) => {
  const { client, seen } = await serve(t, (_request, response) => response.writeHead(403).end('{"error":{"code":"global/forbidden"}}'));
  assert.equal((await client.request("GET", "/instances")).status, 403);
  assert.equal(seen.length, 1);
});

test("an endless answer is cut off", async (t) => {
  const { client } = await serve(t, (_request, response) => response.end("x".repeat(5000)), { maxBytes: 1000, retry: { retries: 0, firstDelayMilliseconds: 0, maxDelayMilliseconds: 0 } });
  await assert.rejects(client.request("GET", "/instances"), failure("too-large", true));
});

test("every request names this program and says what it sends", async (t) => {
  const { client, seen } = await serve(t, (_request, response) => response.end("{}"));
  await client.request("POST", "/launch", { body: { a: 1 } });
  assert.match(userAgent(), /^holdfast\/\d+\.\d+\.\d+/);
  assert.equal(seen[0]?.headers["user-agent"], userAgent());
  assert.equal(seen[0].headers["content-type"], "application/json");
});

test("what a test injects as a fault happens before or after the request has left", async (t) => {
  let point = "before-send";
  const { client, seen } = await serve(t, (_request, response) => response.end("{}"), {
    fault: (at) => {
      if (at === point) throw new HttpFailure("connection", at === "after-reply", "injected");
    },
  });
  await assert.rejects(client.request("POST", "/launch"), failure("connection", false));
  assert.equal(seen.length, 0);
  point = "after-reply";
  await assert.rejects(client.request("POST", "/launch"), failure("connection", true));
  assert.equal(seen.length, 1);
});

test("redaction removes given values, named fields in any spelling, and private keys", () => {
  const secrets = { values: ["secret_1234"], fields: ["jupyter_token", "user_data"] };
  const text = `key secret_1234; {"jupyter_token":"abc\\"def","user_data": "#cloud\\nx", "name":"kept"} jupyter_token=abc, -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----`;
  assert.equal(redact(text, secrets), 'key [redacted]; {"jupyter_token":[redacted],"user_data": [redacted], "name":"kept"} jupyter_token=[redacted], [redacted]');
  assert.doesNotMatch(redact("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA cut off", secrets), /AAAA/);
});
