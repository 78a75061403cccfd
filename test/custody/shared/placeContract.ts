/** What every shared place promises, whatever it is made of: the same tests for a folder, an SSH host and a bucket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SharedPlace } from "../../../custody";

/** `fresh`: an empty place of its own for each test; `again`: the same one as another machine opens it. */
export function placeTests(what: string, fresh: () => Promise<{ place: SharedPlace; again: SharedPlace }>): void {
  test(`${what}: what is not there is not there, and a folder that is not there is empty`, async () => {
    const { place } = await fresh();
    assert.equal(await place.read("runs/a/ledger.jsonl"), null);
    assert.deepEqual(await place.list("runs"), []);
  });

  test(`${what}: the first of two that create a file creates it, and the other is told`, async () => {
    const { place, again } = await fresh();
    const version = await place.replace("custody.json", "first\n", null);
    assert.ok(version !== null);
    assert.equal(await again.replace("custody.json", "second\n", null), null);
    assert.deepEqual(await again.read("custody.json"), { content: "first\n", version });
    assert.equal(await again.read("custody.json", version), "unchanged");
  });

  test(`${what}: a writer who read an older version overwrites nothing`, async () => {
    const { place, again } = await fresh();
    const first = await place.replace("runs/p/s/n/ledger.jsonl", "one\n", null);
    const second = await again.replace("runs/p/s/n/ledger.jsonl", "one\ntwo\n", first);
    assert.ok(second !== null && second !== first);
    assert.equal(await place.replace("runs/p/s/n/ledger.jsonl", "one\nother\n", first), null);
    assert.deepEqual(await place.read("runs/p/s/n/ledger.jsonl", first ?? undefined), { content: "one\ntwo\n", version: second });
    assert.equal(await place.replace("runs/p/s/n/absent", "x", second), null, "what is gone is not replaced");
  });

  test(`${what}: of many that write at once exactly one wins each time`, async () => {
    const { place, again } = await fresh();
    let version: string | null = null;
    for (let round = 0; round < 4; round += 1) {
      const tries: (string | null)[] = await Promise.all(Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? place : again).replace("ledger.jsonl", `round ${round} by ${index}\n`, version)));
      const won = tries.flatMap((each, index) => (each === null ? [] : [index]));
      assert.equal(won.length, 1, JSON.stringify(tries));
      assert.deepEqual(await place.read("ledger.jsonl"), { content: `round ${round} by ${won[0]}\n`, version: tries[won[0] ?? 0] });
      version = tries[won[0] ?? 0] ?? null;
    }
  });

  test(`${what}: files are listed with what tells their versions apart, and nothing else is`, async () => {
    const { place, again } = await fresh();
    await place.write("runs/p/dev/sweep/manifests/a.json", "a\n");
    await place.write("runs/p/dev/sweep/receipts/ünï code.json", "b\n");
    const version = await place.replace("runs/p/dev/sweep/ledger.jsonl", "line\n", null);
    await place.replace("runs/q/dev/other/ledger.jsonl", "line\n", null);
    const all = await again.list("runs/p/dev/sweep");
    assert.deepEqual(all.map(({ name }) => name), ["ledger.jsonl", "manifests/a.json", "receipts/ünï code.json"]);
    assert.deepEqual(await again.list("runs/p", "ledger.jsonl"), [{ name: "dev/sweep/ledger.jsonl", version }]);
    await place.write("runs/p/dev/sweep/manifests/a.json", "newer\n");
    const changed = (await again.list("runs/p/dev/sweep")).find(({ name }) => name === "manifests/a.json");
    assert.notEqual(changed?.version, all[1]?.version);
    assert.equal(((await again.read("runs/p/dev/sweep/receipts/ünï code.json")) as { content: string }).content, "b\n");
  });
}
