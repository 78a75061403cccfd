import assert from "node:assert/strict";
import { test } from "node:test";
import { Narrator } from "../../../cli/demo/narrator";

function stage(isTTY: boolean): { narrator: Narrator; text: () => string; pass: (milliseconds: number) => void } {
  let now = 0;
  let text = "";
  const out = { isTTY, columns: 40, write: (part: string) => { text += part; } };
  return { narrator: new Narrator(out, { NO_COLOR: "1" }, 10, () => now), text: () => text, pass: (milliseconds) => { now += milliseconds; } };
}

test("in a pipe progress is said now and then, as whole lines", () => {
  const { narrator, text, pass } = stage(false);
  narrator.line("begin");
  for (let look = 0; look < 8; look += 1) {
    pass(700);
    narrator.progress(`look ${look}`);
  }
  assert.equal(text(), "begin\n… look 2\n… look 5\n");
});

test("on a terminal one line renews itself, fits the width, and is gone before the next line", () => {
  const { narrator, text } = stage(true);
  narrator.progress("x".repeat(80));
  narrator.line("done");
  const [progress = "", after = ""] = text().split("\r\u001b[2K").slice(1);
  assert.ok(progress.length <= 40, progress);
  assert.equal(after, "done\n");
});

test("chapters are numbered in order", () => {
  const { narrator, text } = stage(false);
  narrator.heading("One");
  narrator.heading("Two");
  assert.match(text(), /1\/10 {2}One[\s\S]*2\/10 {2}Two/);
});
