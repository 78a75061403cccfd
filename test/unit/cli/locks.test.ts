import assert from "node:assert/strict";
import { test } from "node:test";
import { bypassedLocks, lockFaults } from "../../../cli/doctor/state";

const type = (kind: string): string => `pulumi-nodejs:dynamic/holdfast:${kind}`;
const resource = (kind: string, more: object = {}) => ({ urn: `urn:pulumi:dev::p::${type(kind)}::digits-${kind}`, type: type(kind), ...more });
const instance = resource("LambdaInstance");
const gate = resource("TeardownGate", { dependencies: [instance.urn] });
const audit = resource("BillingAudit");

test("a state whose gate depends on everything has no fault, nor has one without a run", () => {
  assert.deepEqual(lockFaults([instance, gate, audit]), []);
  assert.deepEqual(lockFaults([resource("LambdaSshKey")]), []);
});

test("an instance without a gate in state would be destroyed unasked, and is found", () => {
  assert.match(lockFaults([instance, audit]).join(), /no teardown gate/);
});

test("a gate that does not depend on the instance may be asked too late, and is found", () => {
  assert.match(lockFaults([instance, resource("TeardownGate", { dependencies: [] }), audit]).join(), /digits-LambdaInstance: no gate depends on it/);
});

test("an inherited retainOnDelete and a missing audit are found", () => {
  const faults = lockFaults([{ ...instance, retainOnDelete: true }, gate]);
  assert.match(faults.join(), /retainOnDelete/);
  assert.match(faults.join(), /no billing audit/);
});

test("options that pass a lock by are found on every own resource, whoever set them, and on no other", () => {
  const key = resource("LambdaSshKey", { retainOnDelete: true });
  const job = resource("RemoteJob", { deletedWith: instance.urn });
  assert.deepEqual(bypassedLocks([instance, gate, audit, { ...instance, deletedWith: "" }]), []);
  assert.match(bypassedLocks([key, job]).join("; "), /digits-LambdaSshKey: retainOnDelete.*; digits-RemoteJob: deletedWith/);
  assert.deepEqual(bypassedLocks([{ urn: "urn:pulumi:dev::p::aws:s3:Bucket::b", type: "aws:s3:Bucket", retainOnDelete: true }]), []);
});
