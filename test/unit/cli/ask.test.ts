import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../../custody/userError";
import { confirmByName } from "../../../cli/render/ask";
import { Session } from "../../../cli/terminal";
import { stage } from "./stage";

const wanted = { name: "digits-7f", of: "instance", given: undefined, command: "holdfast approve p/dev/digits" };

test("without a terminal and without the name nothing is signed, and the line to type is given", async () => {
  await assert.rejects(confirmByName(new Session(stage().terminal, false), wanted), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "confirmation-needed");
    assert.deepEqual(error.next, ["holdfast approve p/dev/digits --confirm digits-7f"]);
    return true;
  });
});

test("a yes is not the name", async () => {
  await assert.rejects(confirmByName(new Session(stage().terminal, false), { ...wanted, given: "yes" }), /"yes" is not the instance's name/);
  await assert.rejects(confirmByName(new Session(stage({ isTTY: true, typed: "y\n" }).terminal, false), wanted), /Nothing was signed/);
});

test("the name, typed or given, is consent", async () => {
  await confirmByName(new Session(stage().terminal, false), { ...wanted, given: "digits-7f" });
  await confirmByName(new Session(stage({ isTTY: true, typed: "digits-7f\n" }).terminal, false), wanted);
});

test("a program that asks for JSON is never asked a question", async () => {
  await assert.rejects(confirmByName(new Session(stage({ isTTY: true, typed: "digits-7f\n" }).terminal, true), wanted), /no terminal to ask at/);
});
