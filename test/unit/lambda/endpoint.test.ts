/** Where the API is and with which key: no key that others can read, none in the clear, one sandbox for many askers. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { UserError } from "../../../custody/userError";
import { apiUrl, readKeyFile, resolveEndpoint } from "../../../providers/lambda/endpoint";
import { shellWord } from "../../../providers/ssh/outcome";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-endpoint-"));
  t.after(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

const lambda = { platform: "lambda", api: "https://cloud.example.com/api/v1/" };

test("the key comes from the environment, or from the named file when there is one", async (t) => {
  const projectRoot = folder(t);
  const fromEnv = await resolveEndpoint(lambda, { projectRoot, env: { LAMBDA_API_KEY: " secret_env \n" } });
  assert.deepEqual(fromEnv, { baseUrl: "https://cloud.example.com/api/v1", apiKey: "secret_env", apiKeyInShell: "$LAMBDA_API_KEY", sshPort: 22, timeScale: 1 });
  writeFileSync(join(projectRoot, "key"), "api_key = secret_file\n", { mode: 0o600 });
  const fromFile = await resolveEndpoint({ ...lambda, keyFile: "key" }, { projectRoot, env: { LAMBDA_API_KEY: "secret_env" } });
  assert.equal(fromFile.apiKey, "secret_file");
  assert.equal(fromFile.apiKeyInShell, `$(cat ${join(projectRoot, "key")})`);
});

test("no key is one message with what to type", async (t) => {
  await assert.rejects(resolveEndpoint(lambda, { projectRoot: folder(t), env: {} }), (error) => error instanceof UserError && error.next.some((step) => step.startsWith("export LAMBDA_API_KEY")));
});

test("a key file that others can read is refused with the chmod to type, and its content is not shown", (t) => {
  const path = join(folder(t), "key");
  writeFileSync(path, "secret_file", { mode: 0o600 });
  for (const mode of [0o640, 0o604, 0o644]) {
    chmodSync(path, mode);
    assert.throws(() => readKeyFile(path), (error) => error instanceof UserError && error.next[0] === `chmod 600 ${path}` && !error.paragraph.includes("secret_file"));
  }
  chmodSync(path, 0o400);
  assert.equal(readKeyFile(path), "secret_file");
});

test("a key with a line break in it is refused here, not by a header that cannot be sent", (t) => {
  const path = join(folder(t), "key");
  writeFileSync(path, "secret_one\nsecret_two\n", { mode: 0o600 });
  assert.throws(() => readKeyFile(path), UserError);
});

test("the key is not sent over plain http except on loopback", () => {
  for (const api of ["http://cloud.example.com/api/v1", "ftp://127.0.0.1", "cloud.example.com", "http://127.0.0.1.example.com/", "https://user:pass@cloud.example.com/"]) assert.throws(() => apiUrl(api), UserError, api);
  assert.equal(apiUrl("http://127.0.0.1:8080/api/v1/"), "http://127.0.0.1:8080/api/v1");
});

test("words for a shell are quoted when they need it", () => {
  assert.equal(shellWord("/a/b-c"), "/a/b-c");
  assert.equal(shellWord("/a b/it's"), "'/a b/it'\\''s'");
});

/** A daemon in this process: it answers with its own token only, as the sandbox does. */
async function startDaemon(t: TestContext, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const key = join(directory, "api-key");
  writeFileSync(key, "secret_sandbox_1\n", { mode: 0o600 });
  const server = createServer((request, response) => response.writeHead(request.headers["x-sandbox-token"] === "secret_sandbox_1" ? 200 : 401).end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(directory, "daemon.json"), JSON.stringify({ v: 1, pid: process.pid, url: `${url}/api/v1`, adminUrl: `${url}/_sandbox`, apiKeyFile: key, sshPort: 2222, timeScale: 60 }));
}

test("five resources that ask for the sandbox at once start one daemon and all get it", async (t) => {
  const projectRoot = folder(t);
  let starts = 0;
  const spawnDaemon = (directory: string): void => {
    starts++;
    void startDaemon(t, directory);
  };
  const endpoints = await Promise.all(Array.from({ length: 5 }, () => resolveEndpoint({ platform: "lambda", api: "sandbox" }, { projectRoot, env: {}, spawnDaemon })));
  assert.equal(starts, 1);
  assert.ok(endpoints.every(({ apiKey, sshPort, timeScale }) => apiKey === "secret_sandbox_1" && sshPort === 2222 && timeScale === 60));
  await resolveEndpoint({ platform: "lambda", api: "sandbox" }, { projectRoot, env: {}, spawnDaemon });
  assert.equal(starts, 1, "a running one is used");
});

test("a descriptor that a dead daemon left is not believed", async (t) => {
  const projectRoot = folder(t);
  const directory = join(projectRoot, "elsewhere");
  mkdirSync(directory);
  writeFileSync(join(directory, "api-key"), "secret_sandbox_old", { mode: 0o600 });
  writeFileSync(join(directory, "daemon.json"), JSON.stringify({ v: 1, pid: 1, url: "http://127.0.0.1:1/api/v1", adminUrl: "http://127.0.0.1:1/_sandbox", apiKeyFile: join(directory, "api-key"), sshPort: 1, timeScale: 1 }));
  const endpoint = await resolveEndpoint({ platform: "lambda", api: "sandbox" }, { projectRoot, env: { HOLDFAST_SANDBOX_DIR: directory }, spawnDaemon: (given) => void startDaemon(t, given) });
  assert.equal(endpoint.apiKey, "secret_sandbox_1");
});

test("a sandbox that does not start ends in a message that says how to see why", async (t) => {
  await assert.rejects(
    resolveEndpoint({ platform: "lambda", api: "sandbox" }, { projectRoot: folder(t), env: {}, spawnDaemon: () => undefined, deadlineSeconds: 0.1 }),
    (error) => error instanceof UserError && error.code === "sandbox-not-started" && error.next[0]?.includes("holdfast sandbox start") === true,
  );
});
