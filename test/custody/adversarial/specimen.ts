// A valid file that a generator made, and what must hold of every verdict about it or about what became of it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { problemCodes, verifyFile, type FileVerdict, type ProblemCode, type Summary, type VerifiedFormat, type VerifyFileOptions } from "../../../custody/verify/index.js";

export interface Specimen {
  /** Its file name, which says what it claims to be. */
  readonly name: string;
  readonly format: VerifiedFormat;
  readonly bytes: Buffer;
  /** What the verdict must count in it. */
  readonly summary?: Summary;
}

/** A damaged or forged file and the codes of which one must name the damage. */
export interface Lie {
  readonly what: string;
  readonly name: string;
  readonly bytes: Buffer;
  readonly codes: readonly ProblemCode[];
}

/** Writes the bytes under that name and verifies them; what holds of any verdict is asserted here. */
export async function judge(folder: string, name: string, bytes: Uint8Array, options: VerifyFileOptions = {}): Promise<FileVerdict> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const verdict = await verifyFile(path, options);
  assertWellFormed(verdict, bytes);
  return verdict;
}

function assertWellFormed(verdict: FileVerdict, bytes: Uint8Array): void {
  assert.equal(verdict.bytes, bytes.length);
  assert.equal(verdict.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.equal(verdict.ok, verdict.problems.length === 0);
  assert.ok(verdict.problems.length <= 51, `${verdict.problems.length} problems`);
  for (const { code, message, where = "" } of verdict.problems) {
    assert.ok(Object.hasOwn(problemCodes, code), `unknown code ${code}`);
    for (const text of [message, where]) {
      assert.ok(text.length < 2000, `${text.length} characters`);
      assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, "control characters reach the terminal");
    }
  }
}

export function assertAccepted(verdict: FileVerdict, specimen: Specimen): void {
  assert.deepEqual(verdict.problems, []);
  assert.equal(verdict.format, specimen.format);
  if (specimen.summary !== undefined) assert.deepEqual(verdict.summary, specimen.summary);
}

export function assertRefused(verdict: FileVerdict, lie: Lie): void {
  const found = verdict.problems.map(({ code }) => code);
  assert.ok(found.some((code) => lie.codes.includes(code)), `${lie.what}: expected ${lie.codes.join(" or ")}, found ${JSON.stringify(verdict.problems)}`);
}

/** Counts of a verdict's summary from (dtype, elements, bytes) of each tensor. */
export function summarize(tensors: readonly (readonly [dtype: string, elements: number, bytes: number])[]): Summary {
  const dtypes: Record<string, number> = {};
  for (const [dtype] of tensors) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  const sum = (index: 1 | 2): number => tensors.reduce((total, tensor) => total + tensor[index], 0);
  return { tensors: tensors.length, elements: sum(1), bytes: sum(2), dtypes };
}
