import assert from "node:assert/strict";
import { test } from "node:test";
import { explainProfile, profileFor, type Table } from "../../../profiles";
import { thrownBy } from "./happy";

const lambda = explainProfile(profileFor("lambda"));
const table = (id: string): Table => {
  const found = lambda.tables.find((candidate) => candidate.id === id);
  assert.ok(found, id);
  return found;
};

test("every row of every table is as long as its head, and no cell is empty by accident", () => {
  for (const { id, columns, rows } of lambda.tables) {
    assert.ok(rows.length > 0, id);
    for (const row of rows) assert.equal(row.length, columns.length, id);
  }
});

test("the survival matrix shows the loss in capitals", () => {
  const [own, shared] = table("survival").rows.map((row) => row.map((cell) => cell.text));
  assert.deepEqual(own?.slice(2, 6), ["kept", "kept", "n/a", "LOST"]);
  assert.deepEqual(shared?.slice(2, 6), ["kept", "kept", "n/a", "kept"]);
});

test("what is unknown is shown as counting for lost", () => {
  const shutdown = table("verbsByTier").rows.find((row) => row[0]?.text === "shutdown instance");
  assert.deepEqual(shutdown?.[1], { text: "unknown, counts as lost", kind: "unknown" });
});

test("a meter that goes on after a verb says at what rate", () => {
  const terminate = table("verbsByMeter").rows.find((row) => row[0]?.text === "terminate instance");
  assert.deepEqual(terminate?.map((cell) => cell.text).slice(1), ["stops", "goes on, $0.2 per GiB and month", "n/a"]);
});

test("one verb can be asked for alone; an unknown one suggests the nearest", () => {
  const only = explainProfile(profileFor("lambda"), { verb: "delete" });
  assert.deepEqual(only.tables.map((candidate) => candidate.id), ["verbs", "verbsByTier", "verbsByMeter", "gotchas"]);
  assert.equal(only.tables[0]?.rows.length, 3);
  assert.match(thrownBy(() => explainProfile(profileFor("lambda"), { verb: "terminat" })), /did you mean terminate\?/);
});

test("where sources disagree the other reading is kept", () => {
  assert.ok(lambda.disagreements.some((line) => line.startsWith("lambda.tiers.filesystem.path:") && line.includes("/home/ubuntu/<name>")));
  assert.ok(lambda.disagreements.some((line) => line.startsWith("lambda.tiers.filesystem.capBytes:")));
});
