import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parseTrust, UserError } from "../../custody";

const pem = (type: "ed25519" | "rsa" = "ed25519"): string => {
  const { publicKey } = type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return publicKey.export({ type: "spki", format: "pem" }).toString();
};
const entry = (name: string, key: string, roles = "[pull]"): string =>
  `  - name: ${name}\n    roles: ${roles}\n    publicKey: |\n${key.trim().split("\n").map((line) => `      ${line}`).join("\n")}\n`;

test("keys and roles are read", () => {
  const trust = parseTrust(`v: 1\nkeys:\n${entry("laptop", pem(), "[pull, approve]")}${entry("ci", pem())}`, "holdfast.trust.yaml");
  assert.deepEqual([...trust.keys.values()].map(({ name, roles }) => [name, [...roles]]), [["laptop", ["pull", "approve"]], ["ci", ["pull"]]]);
});

const secret = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const twice = pem();

for (const [what, text, message] of [
  ["an unknown version", "v: 2\nkeys: []\n", "the file has version 2; this Holdfast knows version 1"],
  ["no version", "keys: []\n", "the file has no version; this Holdfast knows version 1"],
  ["an unknown role", `v: 1\nkeys:\n${entry("a", pem(), "[destroy]")}`, 'keys.0.roles.0: Invalid option: expected one of "pull"|"approve"|"break-glass"'],
  ["an unknown property", "v: 1\nkeys: []\nadmin: true\n", 'document: Unrecognized key: "admin"'],
  ["a key that is none", `v: 1\nkeys:\n${entry("a", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")}`, "keys.0.publicKey: it is not a public key in PEM form"],
  ["a key of another type", `v: 1\nkeys:\n${entry("a", pem("rsa"))}`, "keys.0.publicKey: its type is rsa; only ed25519 is accepted"],
  ["a private key", `v: 1\nkeys:\n${entry("a", secret)}`, "keys.0.publicKey: it is a private key; only the public half belongs here, and this pair must be replaced"],
  ["one key twice", `v: 1\nkeys:\n${entry("a", twice)}${entry("b", twice)}`, 'keys.1.publicKey: the key of "a" again'],
  ["one name twice", `v: 1\nkeys:\n${entry("a", pem())}${entry("a", pem())}`, 'keys.1.name: "a" stands twice'],
] as const) {
  test(`a trust file with ${what} makes no signature count`, () => {
    assert.throws(() => parseTrust(text, "holdfast.trust.yaml"), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, `The trust file holdfast.trust.yaml is not valid, so no signature counts: ${message}.`);
      return true;
    });
  });
}

test("all faults of the keys are told at once", () => {
  assert.throws(() => parseTrust(`v: 1\nkeys:\n${entry("a", secret)}${entry("a", pem("rsa"))}`, "f"), /keys\.0\.publicKey: .*; keys\.1\.name: .*; keys\.1\.publicKey: /);
});
