import assert from "node:assert/strict";
import { test } from "node:test";
import { essentialLine, refusalIn } from "../../../cli/demo/pulumiOutput";

test("of the engine's lines only what was made, deleted or failed is shown", () => {
  const lines = [
    "Updating (demo):",
    "@ Updating....",
    " +  pulumi-nodejs:dynamic/holdfast:LambdaInstance digits-instance creating (0s) ",
    " +  pulumi-nodejs:dynamic/holdfast:LambdaInstance digits-instance created (3.21s) ",
    " -  pulumi-nodejs:dynamic/holdfast:TeardownGate digits-gate **deleting failed** error: deleting urn",
    "    + 10 created",
  ];
  assert.deepEqual(lines.map(essentialLine), [null, null, null, "+ LambdaInstance digits-instance created (3.21s)", "✗ TeardownGate digits-gate: deleting failed", "10 created"]);
});

test("a refusal is cut out of the engine's output as the gate wrote it", () => {
  const output = [
    " -  pulumi-nodejs:dynamic/holdfast:TeardownGate digits-gate **deleting failed** error: x",
    "Diagnostics:",
    "  pulumi-nodejs:dynamic/holdfast:TeardownGate (digits-gate):",
    "    error: Refused: end of run p/demo/digits. Nothing was deleted.",
    "      - no receipt covers what is there now",
    "      next: holdfast pull p/demo/digits",
    "",
    "Resources:",
    "    10 unchanged",
  ].join("\n");
  assert.equal(refusalIn(output), "Refused: end of run p/demo/digits. Nothing was deleted.\n  - no receipt covers what is there now\n  next: holdfast pull p/demo/digits");
  assert.equal(refusalIn("error: something else"), null);
});

test("what the gate and the audit say on the way is shown, the engine's counting is not", () => {
  const stack = "    pulumi:pulumi:Stack holdfast-demo ";
  assert.equal(essentialLine(`${stack} Gate open for p/demo/digits (receipt-and-approval): terminate instance i-1`), "Gate open for p/demo/digits (receipt-and-approval): terminate instance i-1");
  assert.deepEqual([`${stack} 2 messages`, `${stack} error: update failed`, `${stack} : `, `${stack}**failed** 1 error; 1 message`].map(essentialLine), [null, null, null, null]);
});
