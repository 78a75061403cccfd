/** An ed25519 key pair in OpenSSH's formats, made locally: the private half never travels. */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";

export interface SshKeyPair {
  /** `ssh-ed25519 <base64> <comment>`. */
  readonly publicKey: string;
  /** Text of the private key file. Secret. */
  readonly privateKey: string;
}

export function makeSshKeyPair(comment: string): SshKeyPair {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const seed = Buffer.from(jwk.d ?? "", "base64url");
  const point = Buffer.from(jwk.x ?? "", "base64url");
  const publicBlob = Buffer.concat([string("ssh-ed25519"), string(point)]);
  return { publicKey: `ssh-ed25519 ${publicBlob.toString("base64")} ${comment}`, privateKey: privateKeyFile(publicBlob, seed, point, comment) };
}

/** `<type> <base64>`: the vendor may change the comment, never the material. */
export const keyMaterial = (publicKey: string): string => publicKey.trim().split(/\s+/).slice(0, 2).join(" ");

/** As `ssh-keygen -l` prints it. */
export const fingerprint = (publicKey: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(keyMaterial(publicKey).split(" ")[1] ?? "", "base64")).digest("base64").replace(/=+$/, "")}`;

/** Format: https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key (unencrypted: cipher and kdf "none"). */
function privateKeyFile(publicBlob: Buffer, seed: Buffer, point: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, string("ssh-ed25519"), string(point), string(Buffer.concat([seed, point])), string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    Buffer.from([0, 0, 0, 1]),
    string(publicBlob),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
