/** The trust file: whose keys count, and for what. It is meant to be committed, so that a change of it is reviewed. */
import { readFileSync } from "node:fs";
import type { KeyObject } from "node:crypto";
import { parseDocument, stringify } from "yaml";
import { z } from "zod";
import type { TrustRole } from "../formats";
import { UserError } from "../userError";
import { faultsOf, versionFault } from "./documents";
import { keyIdOf, parsePublicKey, type Signer } from "./keys";

const TRUST_ROLES: readonly TrustRole[] = ["pull", "approve", "break-glass"];

export interface TrustedKey {
  readonly name: string;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly roles: ReadonlySet<TrustRole>;
}

export interface Trust {
  /** The file it was read from; named in messages. */
  readonly path: string;
  readonly keys: ReadonlyMap<string, TrustedKey>;
}

const trustSchema = z.strictObject({
  v: z.literal(1),
  keys: z.array(z.strictObject({
    name: z.string().min(1),
    publicKey: z.string(),
    roles: z.array(z.enum(["pull", "approve", "break-glass"])).min(1),
  })),
});

/** Throws UserError that names the file and every fault in it. */
export function readTrust(path: string): Trust {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(`The trust file ${path} cannot be read, so no signature counts.`, { code: "trust-unreadable", cause: error });
  }
  return parseTrust(text, path);
}

export function parseTrust(text: string, path: string): Trust {
  const document = parseDocument(text);
  if (document.errors[0] !== undefined) throw trustError(path, document.errors[0].message.split("\n")[0] ?? "it is not YAML");
  const value: unknown = document.toJS();
  const version = versionFault(value, "the file");
  if (version !== null) throw trustError(path, version);
  const parsed = trustSchema.safeParse(value);
  if (!parsed.success) throw trustError(path, faultsOf(parsed.error));

  const keys = new Map<string, TrustedKey>();
  const faults: string[] = [];
  const names = new Set<string>();
  parsed.data.keys.forEach((entry, index) => {
    if (names.has(entry.name)) faults.push(`keys.${index}.name: "${entry.name}" stands twice`);
    names.add(entry.name);
    try {
      const publicKey = parsePublicKey(entry.publicKey);
      const keyId = keyIdOf(publicKey);
      if (keys.has(keyId)) faults.push(`keys.${index}.publicKey: the key of "${keys.get(keyId)?.name}" again`);
      keys.set(keyId, { name: entry.name, keyId, publicKey, roles: new Set(entry.roles) });
    } catch (error) {
      faults.push(`keys.${index}.publicKey: ${(error as Error).message}`);
    }
  });
  if (faults.length > 0) throw trustError(path, faults.join("; "));
  return { path, keys };
}

/** What stands in the way of this key acting in this role; null when nothing does. */
export function roleProblem(trust: Trust, keyId: string, role: TrustRole): string | null {
  const key = trust.keys.get(keyId);
  if (key === undefined) return `the key ${shortKeyId(keyId)} is not in ${trust.path}`;
  if (!key.roles.has(role)) return `the key of "${key.name}" may ${[...key.roles].join(", ")} but not ${role} (${trust.path})`;
  return null;
}

/** A trust file with one key in every role: what a person alone with one laptop has. */
export function trustFileFor(signer: Signer): string {
  const head = "# Whose signatures count for this project, and for what: pull, approve, break-glass.\n";
  return head + stringify({ v: 1, keys: [trustEntry(signer, TRUST_ROLES)] });
}

/** One element of `keys`, for a person to paste. */
export function trustEntry(signer: Pick<Signer, "name" | "publicKey">, roles: readonly TrustRole[]): Record<string, unknown> {
  return { name: signer.name, publicKey: signer.publicKey, roles: [...roles] };
}

const shortKeyId = (keyId: string): string => keyId.slice(0, 12);

function trustError(path: string, fault: string): UserError {
  return new UserError(`The trust file ${path} is not valid, so no signature counts: ${fault}.`, { code: "trust-invalid", next: [`edit ${path}`] });
}
