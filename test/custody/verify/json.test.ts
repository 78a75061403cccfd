import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readStrictJson } from "../../../custody/verify/formats/strictJson.js";
import { codes, verifyBytes } from "./forge.js";

test("metrics as trainers write them pass", async (context) => {
  const text = '{"accuracy": 0.93, "loss": [1.5e-3, -0, 12], "note": "ok \\u00e9 \\ud83d\\ude00 é", "nested": {"a": {}, "b": []}, "t": true, "f": false, "n": null}\n';
  const verdict = await verifyBytes(context, "metrics.json", Buffer.from(text));
  assert.deepEqual(verdict.problems, []);
  assert.equal(verdict.format, "json");
});

test("many values side by side are not deep", async (context) => {
  const text = `[${Array.from({ length: 5000 }, () => '{"a": [1]}').join(",")}]`;
  assert.deepEqual(codes(await verifyBytes(context, "metrics.json", Buffer.from(text))), []);
});

const broken: Readonly<Record<string, readonly [string | Buffer, string]>> = {
  "an empty file": ["", "empty"],
  "only white space": [" \n", "empty"],
  "a duplicate key": ['{"a": 1, "a": 2}', "duplicate-key"],
  "a duplicate key in another spelling": ['{"a": 1, "\\u0061": 2}', "duplicate-key"],
  "a duplicate key deep inside": ['[{"x": {"a": 1, "b": 2, "a": 3}}]', "duplicate-key"],
  NaN: ['{"loss": NaN}', "json-non-finite"],
  Infinity: ["[Infinity]", "json-non-finite"],
  "minus Infinity": ["[-Infinity]", "json-non-finite"],
  "a number that overflows": ["[1e999]", "json-non-finite"],
  "text behind the value": ["{} {}", "trailing-bytes"],
  "a byte order mark": ["\ufeff{}", "json-bom"],
  "a cut": ['{"a": [1, 2', "json-syntax"],
  "a cut string": ['{"a', "json-syntax"],
  "a trailing comma": ["[1,]", "json-syntax"],
  "single quotes": ["{'a': 1}", "json-syntax"],
  "a comment": ["// x\n{}", "json-syntax"],
  "a leading zero": ["[01]", "json-syntax"],
  "a raw newline in a string": ['["a\nb"]', "json-syntax"],
  "an unknown escape": ['["\\x41"]', "json-syntax"],
  "a short \\u": ['["\\u12"]', "json-syntax"],
  "bytes that are not UTF-8": [Buffer.from([0x22, 0xff, 0x22]), "json-not-utf8"],
  "depth without end": ["[".repeat(100_000), "json-too-deep"],
};
for (const [what, [text, code]] of Object.entries(broken)) {
  test(`json: ${what} is refused`, async (context) => {
    assert.deepEqual(codes(await verifyBytes(context, "metrics.json", Buffer.from(text))), [code]);
  });
}

test("JSON too large to be read whole says so, and what to write instead", async (context) => {
  const verdict = await verifyBytes(context, "metrics.json", Buffer.alloc(64 * 1024 * 1024 + 1, 0x20));
  assert.deepEqual(codes(verdict), ["json-too-large"]);
  assert.match(verdict.problems[0]?.message ?? "", /\.jsonl/);
  assert.equal(verdict.bytes, 64 * 1024 * 1024 + 1);
});

test("whatever JSON.stringify writes is read as JSON.parse reads it", () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
    return Array.isArray(value) ? value.map(plain) : value;
  };
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(JSON.stringify(plain(readStrictJson(Buffer.from(text), { build: true }))), JSON.stringify(JSON.parse(text)));
      readStrictJson(Buffer.from(text), { build: false });
    }),
    { numRuns: 300, seed: 2 },
  );
});

test("what JSON.parse refuses is refused", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (text, at, character) => {
      const position = at % (text.length + 1);
      const damaged = text.slice(0, position) + character + text.slice(position + 1);
      let wrong = false;
      try {
        JSON.parse(damaged);
      } catch {
        wrong = true;
      }
      if (wrong) assert.throws(() => readStrictJson(Buffer.from(damaged), { build: false }));
    }),
    { numRuns: 500, seed: 3 },
  );
});
