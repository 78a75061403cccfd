import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { credentials, type Client, type ServiceError } from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { rules } from "../../policy/rules";
import { happyRun } from "./judging";

const root = resolve(__dirname, "../../..");

/** Starts the pack as the engine's language host does, and connects. */
async function startPack(t: TestContext): Promise<Client> {
  const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [join(root, "policy")] });
  const child = spawn(process.execPath, [runner, "127.0.0.1:1", join(root, "policy")], { cwd: join(root, "policy"), stdio: ["ignore", "pipe", "pipe"] });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const port = await Promise.race([
    once(child.stdout, "data").then(([chunk]) => Number(String(chunk))),
    once(child, "exit").then(([code]) => {
      throw new Error(`the pack ended with ${code}: ${errors}`);
    }),
  ]);
  assert.ok(Number.isInteger(port) && port > 0, `no port but ${port}`);
  const client: Client = new analyzerGrpc.AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure());
  t.after(() => {
    client.close();
  });
  return client;
}

const call = <T>(client: Client, method: "getAnalyzerInfo" | "analyze", request: unknown): Promise<T> =>
  new Promise((done, fail) => {
    const methods = client as unknown as Record<typeof method, (request: unknown, callback: (error: ServiceError | null, answer: T) => void) => void>;
    methods[method](request, (error, answer) => {
      if (error) fail(error);
      else done(answer);
    });
  });

test("the compiled pack loads from its directory and judges over the wire", async (t) => {
  const client = await startPack(t);
  const info = await call<InstanceType<typeof analyzer.AnalyzerInfo>>(client, "getAnalyzerInfo", new empty.Empty());
  assert.equal(info.getName(), "holdfast");
  assert.deepEqual(info.getPoliciesList().map((policy) => policy.getName()), rules.map((rule) => rule.name));

  const analyze = async (job: Record<string, unknown>): Promise<string[]> => {
    const { type, props } = happyRun(job);
    const request = new analyzer.AnalyzeRequest();
    request.setType(type);
    request.setUrn(`urn:pulumi:dev::demo::${type}::digits`);
    request.setName("digits");
    request.setOptions(new analyzer.AnalyzerResourceOptions());
    request.setProperties(struct.Struct.fromJavaScript(props as Record<string, JavaScriptValue>));
    const answer = await call<InstanceType<typeof analyzer.AnalyzeResponse>>(client, "analyze", request);
    return answer.getDiagnosticsList().map((diagnostic) => `${diagnostic.getPolicyname()} ${diagnostic.getEnforcementlevel()}`);
  };
  assert.deepEqual(await analyze({}), []);
  assert.deepEqual(await analyze({ env: { HF_TOKEN: "changeme" } }), [`no-secret-literals ${analyzer.EnforcementLevel.MANDATORY}`]);
});

test("the pack starts without what the SDK brings for others, and whoever asks for it gets it", () => {
  const script = `
    const loaded = () => Object.keys(require.cache).filter((path) => /node_modules.@npmcli.arborist.lib.arborist/.test(path)).length;
    require(${JSON.stringify(join(root, "dist", "policy", "lightSdk.js"))});
    const pulumi = require("@pulumi/pulumi");
    const before = loaded();
    const { Arborist } = require("@npmcli/arborist");
    console.log(JSON.stringify([typeof pulumi.runtime.computeCodePaths, before <= 1, typeof Arborist.prototype.loadActual, loaded() > 1]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" });
  assert.deepEqual(JSON.parse(stdout || "null"), ["function", true, "function", true], stderr);
});

test("the pack's version is the package's", () => {
  const version = (file: string): string => (JSON.parse(readFileSync(join(root, file), "utf8")) as { version: string }).version;
  assert.equal(version("policy/package.json"), version("package.json"));
});

test("every rule has a kebab-case name, one sentence, a gotcha and a documented config", () => {
  for (const rule of rules) {
    assert.match(rule.name, /^[a-z]+(-[a-z]+)+$/);
    assert.match(rule.description, /^[A-Z][^.]+\.$/);
    assert.ok(rule.gotchas.length > 0, rule.name);
    for (const property of Object.values(rule.configSchema?.properties ?? {})) assert.ok(property.description && property.default !== undefined, rule.name);
  }
  assert.equal(new Set(rules.map((rule) => rule.name)).size, rules.length);
});
