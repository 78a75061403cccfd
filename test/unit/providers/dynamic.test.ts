/** The constant line in state is our own; an SDK that expects another form must be noticed here, not at somebody's destroy. */
import * as pulumi from "@pulumi/pulumi";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { OwnResource, providerLiteral, typeToken } from "../../../providers/dynamic";
import { kindNames, loadKind } from "../../../providers/kinds";

const requireFromString = createRequire(require.resolve("@pulumi/pulumi"))("require-from-string") as (code: string) => { handler(): Record<string, unknown> };
const registered: pulumi.runtime.MockResourceArgs[] = [];

before(async () => {
  await pulumi.runtime.setMocks({
    newResource: (args) => {
      registered.push(args);
      return { id: `${args.name}-id`, state: args.inputs as Record<string, unknown> };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  });
});

class Own extends OwnResource {
  constructor(name: string) {
    super("TeardownGate", name, { answer: 42 }, ["seen"], {});
  }
}

class Sdk extends pulumi.dynamic.Resource {
  constructor(name: string) {
    super({ create: (inputs: unknown) => Promise.resolve({ id: "x", outs: inputs }) }, name, { answer: 42 }, undefined, "holdfast", "TeardownGate");
  }
}

test("an own resource registers exactly as the SDK's dynamic resource does", async () => {
  const own = new Own("own");
  const sdk = new Sdk("sdk");
  await Promise.all([promiseOf(own.urn), promiseOf(sdk.urn)]);
  const [ours, theirs] = [registered.find(({ name }) => name === "own"), registered.find(({ name }) => name === "sdk")];
  assert.ok(ours && theirs);
  assert.equal(ours.type, theirs.type);
  assert.equal(ours.type, typeToken("TeardownGate"));
  assert.deepEqual(Object.keys(ours.inputs as object).sort(), Object.keys(theirs.inputs as object).sort());
  // Both texts, run as the SDK's provider process runs them, give an object with the same kind of methods.
  for (const { inputs } of [ours, theirs]) {
    const { __provider } = inputs as { __provider: string };
    assert.equal(typeof __provider, "string");
    const implementation = requireFromString(__provider).handler();
    assert.equal(typeof implementation["create"], "function");
  }
});

test("the line in state stays small and the same: it captures nothing", () => {
  for (const kind of kindNames) {
    assert.ok(providerLiteral(kind).length < 200, `${kind}: ${providerLiteral(kind).length} bytes`);
    assert.equal(providerLiteral(kind), `exports.handler=()=>require("module").createRequire(process.cwd()+"/_.js")("holdfast/provider").provider("${kind}")`);
  }
});

test("every kind that state can name loads, and can be created, updated and deleted", async () => {
  for (const name of kindNames) {
    const kind = await loadKind(name);
    for (const method of ["diff", "create", "update", "delete"] as const) assert.equal(typeof kind[method], "function", `${name}.${method}`);
  }
});

const promiseOf = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));
