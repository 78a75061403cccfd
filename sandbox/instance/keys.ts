// SSH key material: what a vendor generates for its customers, what it accepts from them, and host keys.
import { execFile } from "node:child_process";
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";

const accepted: ReadonlySet<string> = new Set([
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
]);

/** True for one line in OpenSSH's public key form whose encoded type agrees with its first word. */
export function isPublicKey(text: string): boolean {
  const [type, encoded] = text.trim().split(/[ \t]+/);
  if (text.trim().includes("\n") || !type || !encoded || !accepted.has(type)) return false;
  const blob = Buffer.from(encoded, "base64");
  if (blob.length < 32 || blob.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, "")) return false;
  const length = blob.readUInt32BE(0);
  return blob.subarray(4, 4 + length).toString("latin1") === type;
}

/** A new RSA pair as vendors hand it out: public in OpenSSH form, private as PKCS#1 PEM. */
export async function generateRsaPair(): Promise<{ publicKey: string; privateKey: string }> {
  const pair = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const { n, e } = pair.publicKey.export({ format: "jwk" });
  const blob = Buffer.concat([field(Buffer.from("ssh-rsa")), mpint(e), mpint(n)]);
  return {
    publicKey: `ssh-rsa ${blob.toString("base64")}`,
    privateKey: pair.privateKey.export({ format: "pem", type: "pkcs1" }).toString(),
  };
}

/** Writes an ed25519 host key without passphrase and its `.pub`. */
export async function generateHostKey(path: string, comment: string): Promise<void> {
  await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
}

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function mpint(base64url: string | undefined): Buffer {
  const bytes = Buffer.from(base64url ?? "", "base64url");
  // SSH's integers are signed: a leading one bit needs a zero byte before it.
  return field((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}
