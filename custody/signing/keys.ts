/** Signing keys: ed25519, one file each, made on first use. A key's id is the sha256 of its public half (SPKI, DER). */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createExclusively, makeDirectory, writeFileDurably } from "../disk/files";
import { UserError } from "../userError";
import { sha256Hex } from "../canonical";
import { signBytes } from "./dsse";

export interface Signer {
  readonly name: string;
  readonly keyId: string;
  /** SPKI PEM, as it goes into a trust file. */
  readonly publicKey: string;
  sign(data: Uint8Array): Buffer;
}

/** Reads `<folder>/<name>.key`, making the pair when there is none. Several processes at once end up with one key. */
export function ensureSigner(folder: string, name: string): Signer {
  const path = keyPath(folder, name);
  if (!existsSync(path)) {
    makeDirectory(folder, 0o700);
    createExclusively(path, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  }
  const signer = readSigner(folder, name);
  const publicPath = join(folder, `${name}.pub`);
  if (!existsSync(publicPath)) writeFileDurably(publicPath, signer.publicKey);
  return signer;
}

/** Throws UserError when the key is absent, readable by others, or not ed25519. */
function readSigner(folder: string, name: string): Signer {
  const path = keyPath(folder, name);
  if (!existsSync(path)) throw new UserError(`There is no signing key ${path}.`, { code: "key-missing", next: ["holdfast doctor"] });
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new UserError(`The signing key ${path} can be read by others, so its signature proves nothing.`, {
      code: "key-exposed", next: [`chmod 600 ${path}`],
    });
  }
  const privateKey = parsePrivateKey(path);
  const publicKey = createPublicKey(privateKey);
  return {
    name,
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (data) => signBytes(data, privateKey),
  };
}

export const keyIdOf = (publicKey: KeyObject): string => sha256Hex(publicKey.export({ type: "spki", format: "der" }));

/** Throws Error unless the PEM holds an ed25519 public key. */
export function parsePublicKey(pem: string): KeyObject {
  // A private key would parse too (its public half is derived); in a committed file that must not pass unnoticed.
  if (/PRIVATE KEY/.test(pem)) throw new Error("it is a private key; only the public half belongs here, and this pair must be replaced");
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error("it is not a public key in PEM form");
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`its type is ${key.asymmetricKeyType ?? "unknown"}; only ed25519 is accepted`);
  return key;
}

function keyPath(folder: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,40}$/i.test(name)) throw new UserError(`"${name}" is not a key name (letters, digits, dot, dash).`, { code: "key-name" });
  return join(folder, `${name}.key`);
}

function parsePrivateKey(path: string): KeyObject {
  try {
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Same answer: the error of the parser may quote the file.
  }
  throw new UserError(`${path} is not an ed25519 private key in PKCS8 PEM form.`, { code: "key-malformed", next: [`mv ${path} ${path}.broken`] });
}
