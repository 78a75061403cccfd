// JSON files in any spelling, and every way to be almost JSON.
import fc from "fast-check";
import type { Lie, Specimen } from "../specimen.js";

const space = fc.constantFrom("", " ", "\n", "\t", "\r\n", "  ");
const texts = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: "binary", maxLength: 5 }).filter((text) => text.isWellFormed())).chain((text) => fc.boolean().map((escaped) => (escaped ? escapeAll(text) : JSON.stringify(text))));
const escapeAll = (text: string): string => `"${Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`).join("")}"`;
const numbers = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)), fc.integer().map(String), fc.constantFrom("-0", "0.0", "1E5", "1e-400", "2.5e+3", "123456789012345678901234567890"));

/** A value as text, with any white space around its parts. Keys of one object differ. */
const values = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.oneof(texts, numbers, fc.constantFrom("true", "false", "null")),
    fc.tuple(space, fc.array(fc.tuple(tie("value"), space), { maxLength: 4 })).map(([lead, items]) => `[${lead}${items.map(([item, after]) => `${item}${after}`).join(`,${lead}`)}]`),
    fc.tuple(space, fc.uniqueArray(fc.tuple(fc.string({ maxLength: 4 }), tie("value"), space), { maxLength: 4, selector: ([key]) => key })).map(([lead, members]) => `{${lead}${members.map(([key, value, after]) => `${JSON.stringify(key)}${after}:${lead}${value}${after}`).join(`,${lead}`)}}`),
  ),
})).value;

export const jsonFiles: fc.Arbitrary<Specimen> = fc.tuple(space, values, space).map(([before, value, after]) => ({ name: "metrics.json", format: "json", bytes: Buffer.from(`${before}${value}${after}`) }));

type Telling = (value: string, key: string, pick: number) => readonly [text: string | Buffer, ...codes: Lie["codes"]];
const one = (choices: readonly string[], pick: number): string => choices[pick % choices.length] ?? "";

const tellings: Readonly<Record<string, Telling>> = {
  "a key twice": (value, key) => [`{${JSON.stringify(key)}: ${value}, "other*": 1, ${JSON.stringify(key)}: ${value}}`, "duplicate-key"],
  "a key twice, spelled differently": (value, key) => [`[{${JSON.stringify(key)}: ${value}, ${escapeAll(key)}: 2}]`, "duplicate-key"],
  "a key twice, deep inside": (value, key) => [`{"a": [[{"b": {${JSON.stringify(key)}: 1, ${JSON.stringify(key)}: ${value}}}]]}`, "duplicate-key"],
  "a number that is none": (value, _, pick) => [`[${value}, ${one(["NaN", "Infinity", "-Infinity", "-NaN", "1e999", "-1e400"], pick)}]`, "json-non-finite"],
  "text behind the value": (value, _, pick) => [`${value}${one([" {}", ",", " null", "]", "\0", "\n1"], pick)}`, "trailing-bytes", "json-syntax"],
  "a byte order mark": (value) => [`\ufeff${value}`, "json-bom"],
  "nothing": (_value, _key, pick) => [" ".repeat(pick % 5), "empty"],
  "a comma too much": (value, key, pick) => [one([`[${value},]`, `[,${value}]`, `{${JSON.stringify(key)}: ${value},}`, `[${value},,${value}]`], pick), "json-syntax"],
  "a part that is missing": (value, key, pick) => [one([`[${value}`, `{${JSON.stringify(key)}: ${value}`, `{${JSON.stringify(key)} ${value}}`, `{${JSON.stringify(key)}:}`, `[${value} ${value}]`, `{${value}`, `"${key.replaceAll(/["\\]/g, "")}`], pick), "json-syntax"],
  "a word that is none": (value, _, pick) => [`[${value}, ${one(["True", "nul", "undefined", "None", "tru", "'a'", "// x\n1", "/* x */ 1", "+1", ".5", "1.", "01", "0x10", "1e", "--1", "1_000"], pick)}]`, "json-syntax"],
  "a string that is none": (_value, _key, pick) => [`[${one(['"\\x41"', '"\\u12"', '"\\u00g0"', '"a\nb"', '"\t"', '"\\"', '"\\a"'], pick)}]`, "json-syntax"],
  "bytes that are not UTF-8": (value, _, pick) => [Buffer.concat([Buffer.from(`[${value}, "`), Buffer.from([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xe2, 0x82]][pick % 5] ?? []), Buffer.from('"]')]), "json-not-utf8"],
  "another encoding": (value) => [Buffer.from(`[${value}]`, "utf16le"), "json-syntax", "json-not-utf8"],
  "depth without end": (value, _, pick) => [`${one(["[", '{"a":'], pick).repeat(501 + (pick % 5000))}${value}`, "json-too-deep"],
};

export const lyingJson: fc.Arbitrary<Lie> = fc.tuple(values, fc.string({ maxLength: 4 }), fc.constantFrom(...Object.entries(tellings)), fc.nat(1_000_000)).map(([value, key, [what, tell], pick]) => {
  const [text, ...codes] = tell(value, key, pick);
  return { what, name: "metrics.json", bytes: Buffer.from(text), codes };
});
