import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { canonicalJson, sha256Hex, UserError, type LedgerEntry, type RunCustody } from "../../custody";
import { genesis, readLedger, tornPath } from "../../custody/ledger";
import { clockAt, declared, declaredRun, ended, run, startChild } from "./support";

const lines = (opened: RunCustody): string[] => readFileSync(opened.paths.ledger, "utf8").split("\n").slice(0, -1);
const rewrite = (opened: RunCustody, change: (lines: string[]) => string[]): void => {
  writeFileSync(opened.paths.ledger, change(lines(opened)).map((line) => `${line}\n`).join(""));
};
const brokenWith = (pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof UserError);
  assert.equal(error.code, "ledger-broken");
  assert.match(error.message, pattern);
  assert.ok(error.next.length > 0);
  return true;
};
/** A line as a forger would make it, who knows how hashes are made. */
function forged(body: Record<string, unknown>): string {
  return canonicalJson({ ...body, hash: sha256Hex(canonicalJson(body)) });
}

test("four processes that append at once keep one unbroken chain and lose no line", async (context) => {
  const { project, run: opened } = declaredRun(context);
  const children = ["a", "b", "c", "d"].map((label) => startChild(context, "appendMany", [project, "50", label]));
  const ends = await Promise.all(children.map(ended));
  assert.deepEqual(ends.map(({ code }) => code), [0, 0, 0, 0]);
  const entries = opened.entries();
  assert.equal(entries.length, 201);
  const texts = new Set(entries.slice(1).map((entry) => (entry.data as { text: string }).text.split(" ")[0]));
  assert.equal(texts.size, 200, "every append is there once");
});

test("killed at any moment of an append, the chain holds and the next append goes on", async (context) => {
  const { project, run: opened } = declaredRun(context);
  for (let round = 0; round < 5; round += 1) {
    const child = startChild(context, "appendMany", [project, "0", `round${round}`]);
    const before = opened.entries().length;
    const gone = ended(child);
    await new Promise<void>((resolve) => {
      const watch = setInterval(() => {
        if (opened.entries().length > before + round) {
          clearInterval(watch);
          resolve();
        }
      }, 1);
    });
    child.kill("SIGKILL");
    await gone;
    opened.append("note", { text: `after round ${round}` });
  }
  const entries = opened.entries();
  assert.deepEqual(entries.map((entry) => entry.seq), entries.map((_, index) => index + 1));
});

for (const operation of ["write", "fsync", "half"]) {
  test(`a process that dies at ${operation} loses at most its own line, and never silently`, async (context) => {
    const { project, run: opened } = declaredRun(context);
    const { signal } = await ended(startChild(context, "dieWhile", [project, operation]));
    assert.equal(signal, "SIGKILL");
    const before = opened.entries().length;
    const entry = opened.append("note", { text: "life goes on" });
    const torn = tornPath(opened.paths.ledger, before);
    if (operation === "half") {
      assert.equal(entry.seq, before + 2, "a note about the torn line stands between");
      const note = opened.entries()[before] as LedgerEntry<"note">;
      assert.match(note.data.text, /^A crash cut off the line after entry 1 \(52 bytes\)\..*ledger\.jsonl\.torn-after-1\.$/);
      assert.match(readFileSync(torn, "utf8"), /"text":"cut$/);
    } else {
      assert.equal(entry.seq, before + 1);
      assert.equal(existsSync(torn), false);
    }
  });
}

test("a line that is being written now does not disturb a reader", (context) => {
  const { run: opened } = declaredRun(context);
  appendFileSync(opened.paths.ledger, '{"v":1,"seq":2');
  assert.equal(opened.entries().length, 1);
  assert.equal(readLedger(opened.paths.ledger, run).torn, '{"v":1,"seq":2');
});

test("an edited line is refused, by readers and by the next append", (context) => {
  const { run: opened } = declaredRun(context);
  opened.append("note", { text: "the loss was 0.5" });
  rewrite(opened, (all) => all.map((line) => line.replace("0.5", "0.1")));
  assert.throws(() => opened.entries(), brokenWith(/^The ledger of digits\/dev\/sweep cannot be believed: line 2 of .*ledger\.jsonl was changed after it was written\.$/));
  assert.throws(() => opened.append("note", { text: "more" }), brokenWith(/line 2/));
});

test("a line taken out of the middle is refused", (context) => {
  const { run: opened } = declaredRun(context);
  for (const text of ["one", "two", "three"]) opened.append("note", { text });
  rewrite(opened, ([first, , ...rest]) => [first ?? "", ...rest]);
  assert.throws(() => opened.entries(), brokenWith(/line 2 of .* says it is line 3/));
});

test("a line forged with a right hash of its own breaks the chain after it", (context) => {
  const { run: opened } = declaredRun(context);
  const second = opened.append("note", { text: "true" });
  opened.append("note", { text: "after" });
  const { hash: _, ...body } = second;
  rewrite(opened, ([first, , third]) => [first ?? "", forged({ ...body, data: { text: "false" } }), third ?? ""]);
  assert.throws(() => opened.entries(), brokenWith(/line 3 of .* does not follow line 2/));
});

test("the ledger of another run cannot stand in for this one", (context) => {
  const { custody, run: opened } = declaredRun(context);
  const other = custody.run({ ...run, name: "other" });
  other.append("run.declared", { ...declared(custody.id), run: other.ref });
  writeFileSync(opened.paths.ledger, readFileSync(other.paths.ledger));
  assert.throws(() => opened.entries(), brokenWith(/line 1 of .* does not begin a ledger of this run/));
});

for (const [what, change, pattern] of [
  ["an unknown version", { v: 2 }, /has version 2; this Holdfast knows version 1/],
  ["an unknown kind", { kind: "run.teleported" }, /is of kind "run\.teleported", which this Holdfast does not know/],
  ["data that its kind must not have", { data: { text: 5 } }, /does not hold what "note" must \(text: /],
  ["no time", { at: "yesterday" }, /has no time/],
] as const) {
  test(`a line with ${what} is refused, not skipped`, (context) => {
    const { run: opened } = declaredRun(context);
    const first = opened.entries()[0];
    const body = { ...{ v: 1, seq: 2, at: "2026-03-01T12:00:00.000Z", kind: "note", data: { text: "x" }, prev: first?.hash }, ...change };
    appendFileSync(opened.paths.ledger, `${forged(body)}\n`);
    assert.throws(() => opened.entries(), brokenWith(pattern));
  });
}

test("what is not a ledger line at all is refused", (context) => {
  for (const junk of ["null", "[]", "{}", "garbage", '"text"']) {
    const { run: opened } = declaredRun(context);
    appendFileSync(opened.paths.ledger, `${junk}\n`);
    assert.throws(() => opened.entries(), brokenWith(/line 2/), junk);
  }
});

test("a line that no reader would accept is never written", (context) => {
  const { run: opened } = declaredRun(context, clockAt("2026-03-01T12:00:00.000Z"));
  assert.throws(() => opened.append("note", { text: 5 as unknown as string }), TypeError);
  assert.equal(opened.entries().length, 1);
  assert.equal(opened.entries()[0]?.prev, genesis(run));
});
