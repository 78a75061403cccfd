/** Errors by cause, lenient decoding, and what must never be printed or kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport, WireRequest } from "../../../providers/http";
import { HttpFailure } from "../../../providers/http";
import type { LambdaClient } from "../../../providers/lambda/api/client";
import { createLambdaClient } from "../../../providers/lambda/api/client";
import type { Failure } from "../../../providers/lambda/api/errors";
import { isLambdaError, LambdaError } from "../../../providers/lambda/api/errors";
import { testClock } from "./doubles/clock";

const apiKey = "secret_test_0123456789abcdef";

function clientAnswering(status: number, body: string | HttpFailure): { client: LambdaClient; requests: WireRequest[] } {
  const requests: WireRequest[] = [];
  const transport: Transport = (request) => {
    requests.push(request);
    return typeof body === "string" ? Promise.resolve({ status, headers: {}, body }) : Promise.reject(body);
  };
  return { client: createLambdaClient({ baseUrl: "https://cloud.example.com/api/v1", apiKey, timeScale: 1 }, { clock: testClock(), pace: { wait: () => Promise.resolve() }, transport }), requests };
}

const envelope = (code: string, message = "No.", suggestion?: string): string => JSON.stringify({ error: { code, message, suggestion } });
const launch = { region_name: "us-east-1", instance_type_name: "gpu_1x_a10", ssh_key_names: ["k"] };
const failureOf = async (call: Promise<unknown>): Promise<LambdaError> => {
  const error = await call.then(() => null, (thrown: unknown) => thrown);
  assert.ok(error instanceof LambdaError, String(error));
  return error;
};

const table: readonly (readonly [status: number, code: string, launch: Failure, read: Failure])[] = [
  [401, "global/invalid-api-key", "auth", "auth"],
  [403, "global/forbidden", "auth", "auth"],
  [403, "global/account-inactive", "billing", "billing"],
  [403, "global/invalid-address", "billing", "billing"],
  [400, "global/invalid-parameters", "invalid", "invalid"],
  [400, "global/object-does-not-exist", "not-found", "not-found"],
  [404, "global/not-found", "not-found", "not-found"],
  [400, "global/quota-exceeded", "quota", "quota"],
  [400, "global/duplicate", "conflict", "conflict"],
  [409, "global/conflict", "conflict", "conflict"],
  [400, "instance-operations/launch/insufficient-capacity", "capacity", "capacity"],
  [400, "instance-operations/launch/file-system-in-wrong-region", "wrong-region", "wrong-region"],
  [400, "filesystems/filesystem-in-use", "conflict", "conflict"],
  [429, "global/whatever", "rate-limit", "rate-limit"],
  [400, "a/code-of-next-year", "invalid", "invalid"],
  [409, "global/internal-error", "ambiguous", "transport"],
  [400, "provider/internal-unavailable", "ambiguous", "transport"],
  [500, "global/unknown", "ambiguous", "transport"],
  [502, "instance-operations/launch/insufficient-capacity", "ambiguous", "transport"],
];
for (const [status, code, launchFailure, readFailure] of table) {
  test(`${status} ${code}: ${launchFailure} for a launch, ${readFailure} for a read, with a next step`, async () => {
    const { client } = clientAnswering(status, envelope(code));
    const launched = await failureOf(client.launch(launch));
    assert.equal(launched.failure, launchFailure);
    assert.ok(launched.next.length > 0);
    assert.equal((await failureOf(client.listInstances())).failure, readFailure);
  });
}

for (const [what, status, body, expected] of [
  ["an edge's HTML page with 403", 403, "<html>error code: 1010</html>", "ambiguous"],
  ["a 404 page that is not the API's", 404, "<html>Not found</html>", "ambiguous"],
  ["plain text with 429", 429, "Too many requests", "rate-limit"],
  ["a success without data", 200, "{}", "ambiguous"],
  ["a success that is cut off", 200, '{"data":{"instance_', "ambiguous"],
  ["a success without an instance", 200, '{"data":{"instance_ids":[]}}', "ambiguous"],
  ["HTML with 401", 401, "<html>", "auth"],
] as const) {
  test(`a launch answered with ${what} is ${expected}: only a definite refusal proves that nothing exists`, async () => {
    const { client, requests } = clientAnswering(status, body);
    assert.equal((await failureOf(client.launch(launch))).failure, expected);
    assert.equal(requests.length, 1);
  });
}

test("a launch that never left is a transport error, one that left without an answer is ambiguous", async () => {
  assert.equal((await failureOf(clientAnswering(0, new HttpFailure("not-connected", false, "refused")).client.launch(launch))).failure, "transport");
  assert.equal((await failureOf(clientAnswering(0, new HttpFailure("timeout", true, "late")).client.launch(launch))).failure, "ambiguous");
});

test("an instance that the API says does not exist is null; an HTML 404 is not an answer about it", async () => {
  assert.equal(await clientAnswering(404, envelope("global/object-does-not-exist")).client.getInstance("x"), null);
  assert.equal((await failureOf(clientAnswering(404, "<html>").client.getInstance("x"))).failure, "transport");
});

for (const code of ["some/code", "global/invalid-parameters"]) {
  test(`a key in use is waited for whatever its code says (${code}), or its deletion would fail while its instance goes`, async () => {
    const { client } = clientAnswering(400, envelope(code, "Key is currently in use, cannot delete"));
    assert.equal((await failureOf(client.deleteSshKey("1"))).failure, "conflict");
  });
}

test("a code that says more than the text decides: a full account is not waited for", async () => {
  const { client } = clientAnswering(400, envelope("global/quota-exceeded", "All of your quota is in use"));
  assert.equal((await failureOf(client.launch(launch))).failure, "quota");
});

test("fields and statuses of tomorrow are accepted, missing optional ones too", async () => {
  const record = { id: "1", status: "hibernating", region: { name: "us-east-9", zone: 3 }, instance_type: { name: "gpu_1x_x", price_cents_per_hour: 1, specs: { vcpus: 1, memory_gib: 1, storage_gib: 1, gpus: 1, tpus: 4 } }, ip: null, brand_new: [] };
  const [instance] = await clientAnswering(200, JSON.stringify({ data: [record], page: 1 })).client.listInstances();
  assert.equal(instance?.status, "hibernating");
  assert.equal(instance.ip, null);
  assert.deepEqual(instance.ssh_key_names, []);
});

test("Jupyter logins are dropped when a record is read", async () => {
  const record = { id: "1", status: "active", region: { name: "r" }, instance_type: { name: "t", price_cents_per_hour: 1, specs: { vcpus: 1, memory_gib: 1, storage_gib: 1, gpus: 1 } }, jupyter_token: "T0KEN", jupyter_url: "https://x/?token=T0KEN" };
  const instances = await clientAnswering(200, JSON.stringify({ data: [record] })).client.listInstances();
  assert.doesNotMatch(JSON.stringify(instances), /T0KEN|jupyter/);
});

test("an error text that quotes the request back shows no secret", async () => {
  const quoted = `bad request {"user_data":"export TOKEN=hunter2","jupyter_token":"T0KEN"} with key ${apiKey} -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----`;
  const error = await failureOf(clientAnswering(400, envelope("global/invalid-parameters", quoted, `try ${apiKey}`)).client.launch(launch));
  assert.doesNotMatch(`${error.paragraph} ${error.stack ?? ""}`, /hunter2|T0KEN|MIIE|secret_test/);
});

test("a record that cannot be read is described by its paths, never by its values", async () => {
  const error = await failureOf(clientAnswering(200, JSON.stringify({ data: [{ id: 7, jupyter_token: "T0KEN" }] })).client.listInstances());
  assert.match(error.message, /0\.id/);
  assert.doesNotMatch(error.message, /T0KEN/);
});

test("a deletion without a body is a success", async () => {
  await assert.doesNotReject(clientAnswering(200, "").client.deleteSshKey("1"));
});

test("file systems are listed with a hyphen and created without: the other way round is a 405", async () => {
  const { client, requests } = clientAnswering(200, JSON.stringify({ data: [] }));
  await client.listFilesystems();
  await client.createFilesystem({ name: "a", region: "us-east-1" }).catch((error: unknown) => {
    assert.ok(isLambdaError(error));
  });
  assert.deepEqual(requests.map((request) => `${request.method} ${new URL(request.url).pathname}`), ["GET /api/v1/file-systems", "POST /api/v1/filesystems"]);
});

test("an id cannot leave its place in the path", async () => {
  const { client, requests } = clientAnswering(404, envelope("global/not-found"));
  await client.getInstance("../ssh-keys?x");
  assert.equal(requests[0]?.url, "https://cloud.example.com/api/v1/instances/..%2Fssh-keys%3Fx");
});
