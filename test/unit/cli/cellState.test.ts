import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { renderFailures, stateWords } from "../../../cli/render/cellState";
import { failureClass, failureClasses } from "../../../cli/render/failureClasses";

const plain = (_tone: string, text: string): string => text;
const root = resolve(__dirname, "..", "..", "..", "..");

test("every class that the scripts tell apart has words and a next step, and the two agree on what may pass by itself", () => {
  const script = readFileSync(join(root, "remote", "lib", "evidence.sh"), "utf8");
  const told = new Set([...["evidence.sh", "prepare.sh", "attempts.sh"].flatMap((name) => [...readFileSync(join(root, "remote", "lib", name), "utf8").matchAll(/verdict ([a-zA-Z]+) (?:measured|probable|hint)/g)].map((match) => match[1] ?? "")), "setup", "tier"]);
  assert.ok(told.size >= 10);
  for (const name of told) assert.ok(Object.hasOwn(failureClasses, name), name);
  for (const [name, { todo, what }] of Object.entries(failureClasses)) assert.ok(todo.length > 0 && what.length > 0, name);
  const passing = /may_pass_by_itself\(\) \{ case \$1 in ([^)]*)\)/.exec(script)?.[1]?.split(" | ").sort();
  assert.deepEqual(Object.entries(failureClasses).filter(([, { passes }]) => passes).map(([name]) => name).sort(), passing);
  assert.equal(failureClass("a class of later").passes, false);
});

test("a failed cell is told with its evidence and what to do, within the width of the terminal", () => {
  const cell = { cell: "lr-0.1", state: "failed", class: "outOfGpuMemory", certainty: "hint", evidence: ["exit code 1", `hint, printed by the program: ${"torch.OutOfMemoryError ".repeat(6)}`], retries: 0 };
  const [block = ""] = renderFailures([cell, { cell: "b", state: "complete" }], { paint: plain, width: 80 });
  assert.match(block, /^lr-0\.1 failed: outOfGpuMemory, by what the program printed only: GPU memory\s+ran\s+out\n {4}exit code 1\n/);
  assert.match(block, /next: holdfast retry lr-0\.1 /);
  assert.ok(block.split("\n").every((line) => line.length <= 80), block);
  assert.equal(renderFailures(Array.from({ length: 7 }, (_, n) => ({ ...cell, cell: `c${n}` })), { paint: plain, width: 80 }).at(-1), "2 more failed: holdfast status --json tells of each");
});

test("what a person decided is told from what happened", () => {
  const states = [
    { state: "cancelled", cause: "request" }, { state: "cancelled", cause: null }, { state: "pending", cause: "edit" }, { state: "pending", class: "reboot" },
    { state: "running", class: "hardware", retries: 1 }, { state: "failed", cause: "train", class: "codeError" }, { state: "failed", cause: "train" },
  ];
  assert.deepEqual(states.map((cell) => stateWords({ cell: "a", ...cell })), [
    "cancelled on request", "cancelled, resumes with the queue", "pending (waits for its edit)", "pending (after reboot)", "running (after hardware)", "failed: codeError", "failed: train",
  ]);
});
