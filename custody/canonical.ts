/** One byte form for JSON (RFC 8785), and the digests made of it: the same on every machine. */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Manifest, RunRef } from "./formats";

/** RFC 8785 text. Throws for what JSON cannot hold: NaN, infinities, lone surrogates, cycles, undefined at the top. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON values have a canonical form");
  return text;
}

/** Lower-case hex sha256 of text (as UTF-8) or bytes. */
export const sha256Hex = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

export const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * The name of a set of artifacts: sha256 of the canonical form of {v, run, files: [{path, bytes, sha256}]}, files sorted
 * by path. The same files with the same bytes have it, wherever and whenever they were listed.
 */
export function manifestDigest(manifest: Pick<Manifest, "run" | "files">): string {
  const files = [...manifest.files].sort(byPath).map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  const run: RunRef = { project: manifest.run.project, stack: manifest.run.stack, name: manifest.run.name };
  return sha256Hex(canonicalJson({ v: 1, run, files }));
}

/** By UTF-16 code unit, as RFC 8785 sorts keys: no locale has a say. */
export const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

export const totalBytes = (files: readonly { readonly bytes: number }[]): number => files.reduce((sum, file) => sum + file.bytes, 0);
