/** Options that would take a lock out of a run, or put a replacement before its predecessor's end, do not get through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lockFault } from "../../../components/locks";
import { typeToken } from "../../../providers/dynamic";
import { kindNames } from "../../../providers/kinds";

const replaceable = ["LambdaFilesystem", "LambdaInstance", "LambdaSshKey", "LambdaFirewallRuleset", "TeardownGate"] as const;

test("what a replacement would double, or take over and then delete under itself, is deleted before it is replaced", () => {
  for (const kind of replaceable) {
    assert.match(lockFault(typeToken(kind), "digits", {}) ?? "", /deleteBeforeReplace/, kind);
    assert.match(lockFault(typeToken(kind), "digits", { deleteBeforeReplace: false }) ?? "", /deleteBeforeReplace/, kind);
    assert.equal(lockFault(typeToken(kind), "digits", { deleteBeforeReplace: true }), null, kind);
  }
});

test("an inherited retainOnDelete or deletedWith, which would skip a lock, is refused on every own resource", () => {
  for (const kind of kindNames) {
    assert.match(lockFault(typeToken(kind), "digits", { deleteBeforeReplace: true, retainOnDelete: true }) ?? "", /retainOnDelete/, kind);
    assert.match(lockFault(typeToken(kind), "digits", { deleteBeforeReplace: true, deletedWith: {} as never }) ?? "", /deletedWith/, kind);
  }
});

test("resources of other packages keep their options", () => {
  assert.equal(lockFault("random:index/randomId:RandomId", "id", { retainOnDelete: true }), null);
});
