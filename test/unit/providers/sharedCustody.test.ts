/** What a provider does around an operation when the evidence is shared with other machines. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stringify } from "yaml";
import { FolderPlace, openCustody, SharedCustody, systemClock, trustEntry, UserError, type Custody, type LedgerEntry } from "../../../custody";
import { appendToLedger } from "../../../custody/ledger";
import { ownEndpoints } from "../../../providers/endpointOf";
import { inStep } from "../../../providers/sharedCustody/inStep";
import { sharedStoreOfStack } from "../../../providers/sharedCustody/settings";
import { declared, run, temporaryFolder, temporaryProject } from "../../custody/support";
import { packageRoot } from "../../engine/stack";

const ref = run;

function project(context: TestContext, store: string, more: Record<string, unknown> = {}): string {
  const root = temporaryProject(context);
  writeFileSync(join(root, "Pulumi.dev.yaml"), stringify({ config: { "holdfast:platform": "lambda", "holdfast:custody": { store, ...more } } }));
  return root;
}

test("the stack's config says where evidence is shared, then the project's, and the environment wins", (context) => {
  const root = project(context, "ssh://me@192.0.2.7:2222/srv/custody", { keyFile: "~/.ssh/team" });
  const ssh = { kind: "ssh", user: "me", host: "192.0.2.7", port: 2222, path: "/srv/custody", keyFile: "~/.ssh/team" };
  assert.deepEqual(sharedStoreOfStack(root, "dev", {}), ssh);
  assert.equal(sharedStoreOfStack(root, "prod", {}), null);
  writeFileSync(join(root, "Pulumi.yaml"), stringify({ name: "digits", runtime: "nodejs", config: { "holdfast:custody": { value: { store: "s3://team-custody/a/b/", endpoint: "https://s3.example.com", region: "eu" } } } }));
  const bucket = { kind: "bucket", bucket: "team-custody", prefix: "a/b", endpoint: "https://s3.example.com", region: "eu", profile: null };
  assert.deepEqual(sharedStoreOfStack(root, "prod", {}), bucket);
  assert.deepEqual(sharedStoreOfStack(root, "dev", {}), ssh, "a stack's own block is not mixed with the project's");
  assert.equal(sharedStoreOfStack(root, "dev", { HOLDFAST_CUSTODY_STORE: "none" }), null);
  assert.deepEqual(sharedStoreOfStack(root, "dev", { HOLDFAST_CUSTODY_STORE: "../shared" }), { kind: "folder", path: "../shared" });
  assert.deepEqual(sharedStoreOfStack(root, "prod", { HOLDFAST_CUSTODY_STORE: "s3://other" }), { ...bucket, bucket: "other", prefix: "" });
});

for (const [what, block, pattern] of [
  ["an unknown scheme", { store: "gs://bucket" }, /custody\.store = \(not shown\): must be a folder, ssh:\/\/user@host\/path or s3:\/\/bucket\/prefix/],
  ["a password in the address", { store: "ssh://me:secret@host/path" }, /custody\.store = /],
  ["a region for a folder", { store: "../x", region: "eu" }, /custody\.region belongs to a store in a bucket/],
  ["an SSH key for a bucket", { store: "s3://team", keyFile: "~/.ssh/id" }, /custody\.keyFile belongs to a store in a folder over SSH/],
  ["an endpoint without TLS", { store: "s3://team", endpoint: "http://s3.example.com" }, /custody\.endpoint = .*must be an https URL/],
  ["credentials", { store: "s3://team", secret: "x" }, /custody\.secret/],
] as const) {
  test(`${what} in the custody block is a fault, not a store that nobody meant`, (context) => {
    const root = temporaryProject(context);
    writeFileSync(join(root, "Pulumi.dev.yaml"), stringify({ config: { "holdfast:custody": block } }));
    assert.throws(() => sharedStoreOfStack(root, "dev", {}), (error) => error instanceof UserError && error.code === "config" && pattern.test(error.message) && !error.message.includes("secret@"));
  });
}

test("the stores that the documentation shows are what it says", (context) => {
  const page = readFileSync(join(packageRoot, "docs", "team.md"), "utf8");
  const shown = [...page.matchAll(/```yaml store\n([^]*?)```/g)].map(([, yaml]) => {
    const root = temporaryProject(context);
    writeFileSync(join(root, "Pulumi.dev.yaml"), yaml ?? "");
    return sharedStoreOfStack(root, "dev", {})?.kind;
  });
  assert.deepEqual(shown, ["folder", "ssh", "bucket", "bucket"]);
});

interface Scene {
  readonly root: string;
  readonly store: string;
  readonly said: string[];
  readonly custody: Custody;
  readonly step: <T>(deletes: boolean, operation: () => Promise<T>) => Promise<T>;
}

function scene(context: TestContext): Scene {
  const store = join(temporaryFolder(context), "team");
  const root = project(context, store);
  const said: string[] = [];
  const custody = openCustody(root, { create: true });
  custody.run(ref).append("run.declared", declared(custody.id));
  return { root, store, said, custody, step: (deletes, operation) => inStep({ projectRoot: root, clock: systemClock, run: ref, deletes, say: (line) => said.push(line), env: {} }, operation) };
}

test("what an operation recorded is shared when it ends, also when it failed half-way", async (context) => {
  const { store, custody, step } = scene(context);
  const shared = join(store, "runs", "digits", "dev", "sweep", "ledger.jsonl");
  await assert.rejects(step(false, () => {
    custody.run(ref).append("intent.opened", { intent: "int_1", role: "instance", name: "n", pid: 1, startTicks: null, request: {} });
    return Promise.reject(new Error("the vendor hung up"));
  }), /the vendor hung up/);
  assert.match(readFileSync(shared, "utf8"), /"intent\.opened"/);
});

test("a deletion sees what another machine recorded just before it", async (context) => {
  const { root, store, custody, said, step } = scene(context);
  await step(false, () => Promise.resolve());
  const other = temporaryProject(context);
  const shared = new SharedCustody(new FolderPlace(store), { projectRoot: other, clock: systemClock });
  const theirs = (await shared.open()).run(ref);
  const keys = [openCustody(root), openCustody(other)].map((each, index) => trustEntry({ name: `person-${index}`, publicKey: each.signer().publicKey }, ["pull"]));
  for (const folder of [root, other]) writeFileSync(join(folder, "holdfast.trust.yaml"), stringify({ v: 1, keys }));
  await shared.fetch(theirs);
  theirs.append("job.started", { instance: "i-1", directory: "/mnt/run", cells: ["a"], codeSha256: "1", specSha256: "2", scriptsSha256: "3" });
  await shared.share(theirs);
  assert.equal(await step(true, () => Promise.resolve(custody.run(ref).view().jobEverStarted)), true);
  assert.match(said.join("\n"), /Took over 1 ledger line of digits\/dev\/sweep from .*, vouched for by "person-1"/);
});

test("while the shared store cannot be asked nothing is deleted; what is made is made, and said loudly", async (context) => {
  const { root, custody, said } = scene(context);
  const down = { HOLDFAST_CUSTODY_STORE: "s3://team-custody" };
  const saved = { ...process.env };
  Object.assign(process.env, { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y", AWS_REGION: "us-east-1" });
  context.after(() => { for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]) if (saved[name] === undefined) Reflect.deleteProperty(process.env, name); else process.env[name] = saved[name]; });
  const step = (deletes: boolean, operation: () => Promise<string>): Promise<string> => inStep({ projectRoot: root, clock: systemClock, run: ref, deletes, say: (line) => said.push(line), env: down }, operation);
  let deleted = false;
  await assert.rejects(step(true, () => { deleted = true; return Promise.resolve(""); }), (error) => error instanceof UserError && error.code === "shared-store-unknown" && /^Refused\. Nothing was deleted\./.test(error.message));
  assert.equal(deleted, false);
  assert.equal(await step(false, () => { custody.run(ref).append("note", { text: "made" }); return Promise.resolve("made"); }), "made");
  assert.match(said.join("\n"), /WARNING: the shared store .* could not be asked .*nothing will be deleted until it is/s);
});

test("a shared store that is another one, or was edited, stops what would be made too", async (context) => {
  const { store, custody, step } = scene(context);
  await step(false, () => Promise.resolve());
  const path = join(store, "runs", "digits", "dev", "sweep", "ledger.jsonl");
  writeFileSync(path, readFileSync(path, "utf8").replace('"lambda"', '"lambdb"'));
  await assert.rejects(step(false, () => Promise.resolve()), (error) => error instanceof UserError && error.code === "ledger-broken");
  rmSync(path);
  writeFileSync(join(store, "custody.json"), '{"v":1,"id":"cst_ffffffffffffffff"}\n');
  await assert.rejects(step(false, () => Promise.resolve()), (error) => error instanceof UserError && error.code === "custody-conflict");
  assert.equal(custody.run(ref).entries().length, 1);
});

test("a machine without the store makes it under the shared id before it decides anything", async (context) => {
  const { store, custody, step } = scene(context);
  await step(false, () => Promise.resolve());
  const root = project(context, store);
  await inStep({ projectRoot: root, clock: systemClock, run: ref, deletes: true, say: () => undefined, env: {} }, () => {
    assert.equal(openCustody(root, { expectId: custody.id }).run(ref).entries().length, 2, "its line, and that nobody vouches for it");
    return Promise.resolve();
  });
  assert.ok(existsSync(join(root, ".holdfast", "keys", "local.key")));
});

test("a forged ledger in a shared place does not send the account's key, or any file, to an address of its author", async (context) => {
  for (const [endpoint, pattern] of [
    [{ platform: "lambda", api: "https://api.example.net/v1" }, /line 1 names the API https:\/\/api\.example\.net\/v1, and Pulumi\.dev\.yaml names none; the account's key would be sent there/],
    [{ platform: "lambda", api: "sandbox", keyFile: "/home/me/.ssh/id_ed25519" }, /line 1 names the key file \/home\/me\/\.ssh\/id_ed25519, which Pulumi\.dev\.yaml does not name/],
  ] as const) {
    const { root, store, step } = scene(context);
    await step(false, () => Promise.resolve());
    const id = openCustody(root).id;
    const forged = join(temporaryFolder(context), "ledger.jsonl");
    appendToLedger(forged, ref, "run.declared", { ...declared(id), endpoint }, new Date());
    writeFileSync(join(store, "runs", "digits", "dev", "sweep", "ledger.jsonl"), readFileSync(forged));
    const before = openCustody(root).run(ref).entries().length;
    await assert.rejects(step(false, () => Promise.resolve()), (error) => error instanceof UserError && error.code === "foreign-endpoint" && pattern.test(error.message));
    assert.equal(openCustody(root).run(ref).entries().length, before);
  }
});

test("an address that only a resource's details name is judged too, and the stack's own is allowed", async (context) => {
  const { root, store, step } = scene(context);
  await step(false, () => Promise.resolve());
  const write = (api: string): void => {
    const path = join(temporaryFolder(context), "ledger.jsonl");
    const first = openCustody(root).run(ref).entries()[0] as LedgerEntry<"run.declared">;
    appendToLedger(path, ref, "run.declared", first.data, new Date());
    appendToLedger(path, ref, "resource.created", { role: "instance", kind: "LambdaInstance", id: "i-1", name: "n", details: { api } }, new Date());
    writeFileSync(join(store, "runs", "digits", "dev", "sweep", "ledger.jsonl"), readFileSync(path));
  };
  write("https://gateway.example.com/lambda");
  await assert.rejects(step(false, () => Promise.resolve()), (error) => error instanceof UserError && error.code === "foreign-endpoint" && /line 2 names the API/.test(error.message));
  writeFileSync(join(root, "Pulumi.dev.yaml"), stringify({ config: { "holdfast:platform": "lambda", "holdfast:custody": { store }, "holdfast:lambda": { endpoint: "https://gateway.example.com/lambda/", keyFile: "~/key" } } }));
  await step(false, () => Promise.resolve());
  assert.equal(ownEndpoints(root, "dev")({ api: "https://gateway.example.com/lambda", keyFile: "~/key" }), null);
});
