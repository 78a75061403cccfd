/** Edits of a trust file as a person would make them: comments and order stay, and what would make no signature count is refused. Pure. */
import { isMap, isSeq, parseDocument, type YAMLSeq } from "yaml";
import type { TrustRole } from "../formats";
import { UserError } from "../userError";
import { keyIdOf, parsePublicKey } from "./keys";
import { parseTrust, trustEntry, type Trust } from "./trust";

export interface TrustKeyEntry {
  readonly name: string;
  /** SPKI PEM. */
  readonly publicKey: string;
  readonly roles: readonly TrustRole[];
}

/**
 * The file's text with one more key. `path` is named in messages. Throws UserError `key-malformed`, `trust-duplicate` (the name, or
 * the key under another name), `trust-invalid` (the file as it is).
 */
export function addTrustedKey(text: string, entry: TrustKeyEntry, path: string): string {
  const trust = parseTrust(text, path);
  const keyId = idOf(entry);
  const same = trust.keys.get(keyId);
  if (same !== undefined) throw new UserError(`This key is in ${path} already, as "${same.name}", and may ${[...same.roles].join(", ")}.`, { code: "trust-duplicate", next: [`to change its roles: holdfast trust remove ${same.name}, then holdfast trust add`] });
  if ([...trust.keys.values()].some(({ name }) => name === entry.name)) throw new UserError(`Another key in ${path} is called "${entry.name}".`, { code: "trust-duplicate", next: ["add: --name ANOTHER"] });
  const document = parseDocument(text);
  keysOf(document).add(document.createNode(trustEntry(entry, entry.roles)));
  const edited = document.toString();
  parseTrust(edited, path);
  return edited;
}

/** What stays in the way of taking a key out without a second thought; null: nothing. */
export function removalWarning(trust: Trust, name: string): string | null {
  const left = [...trust.keys.values()].filter((key) => key.name !== name);
  if (left.length === 0) return `"${name}" is the only key: nobody's signature would count`;
  if (!left.some((key) => key.roles.has("approve"))) return `"${name}" is the last key that may approve: no run could be ended but by break-glass`;
  if (!left.some((key) => key.roles.has("pull"))) return `"${name}" is the last key that may pull: no receipt would count`;
  return null;
}

/** The text without that key. Throws UserError `not-found`. */
export function removeTrustedKey(text: string, name: string, path: string): string {
  const trust = parseTrust(text, path);
  const document = parseDocument(text);
  const keys = keysOf(document);
  const index = keys.items.findIndex((item) => isMap(item) && item.get("name") === name);
  if (index === -1) {
    const names = [...trust.keys.values()].map((key) => key.name);
    throw new UserError(`No key in ${path} is called "${name}"; there are: ${names.join(", ") || "none"}.`, { code: "not-found", next: names.map((known) => `holdfast trust remove ${known}`) });
  }
  keys.delete(index);
  return document.toString();
}

/** One element of `keys` on its own, as `holdfast trust export` prints it, or a bare public key in PEM form. Throws UserError. */
export function readTrustEntry(text: string, source: string): { name: string | null; publicKey: string; roles: readonly string[] | null } {
  if (/^\s*-----BEGIN/.test(text)) return { name: null, publicKey: text.trim() + "\n", roles: null };
  const value: unknown = parseDocument(text).toJS();
  const entry = (Array.isArray(value) ? value[0] : value) as { name?: unknown; publicKey?: unknown; roles?: unknown } | null;
  if (typeof entry?.publicKey !== "string") {
    throw new UserError(`${source} holds neither a public key in PEM form nor what holdfast trust export prints.`, { code: "key-malformed", next: ["on the other machine: holdfast trust export"] });
  }
  return { name: typeof entry.name === "string" ? entry.name : null, publicKey: entry.publicKey, roles: Array.isArray(entry.roles) ? entry.roles.map(String) : null };
}

function idOf(entry: TrustKeyEntry): string {
  try {
    return keyIdOf(parsePublicKey(entry.publicKey));
  } catch (error) {
    throw new UserError(`The key of "${entry.name}" cannot be added: ${(error as Error).message}.`, { code: "key-malformed", next: ["on the other machine: holdfast trust export"], cause: error });
  }
}

function keysOf(document: ReturnType<typeof parseDocument>): YAMLSeq {
  const keys: unknown = document.get("keys");
  if (!isSeq(keys)) throw new TypeError("a trust file that was parsed has a list of keys");
  return keys;
}
