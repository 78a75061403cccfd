import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noSecretLiterals as rule } from "../../policy/rules";
import { happyInstance, happyRun, judge, nothing } from "./judging";

/** Made-up keys, put together here so that no scanner takes this file for a leak. */
const made = {
  aws: ["AKIA", "IOSFODNN7EXAMPLE"].join(""),
  github: ["ghp_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"].join(""),
  huggingface: ["hf_", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"].join(""),
  lambda: ["secret_", "sandbox_0123456789abcdef"].join(""),
  random: "q7Zt9LxW2vKp4RmB8nYd3GsH6jTf5QcA",
  jwt: ["ey", "JhbGciOiJIUzI1NiJ9.ey", "JzdWIiOiIxMjM0In0.c2ln"].join(""),
};

const inEnvironment = (name: string, value: string) => happyRun({ env: { [name]: value } });
const inArguments = (...args: string[]) => happyRun({ roster: [{ name: "a", args }] });
const found = async (resource: Parameters<typeof judge>[1]): Promise<string> => (await judge(rule, resource)).violations.join("\n");

test("an ordinary job passes", async () => {
  assert.deepEqual(await judge(rule, happyRun()), nothing);
  assert.deepEqual(await judge(rule, happyInstance()), nothing);
});

test("a known kind of key is found under any name, and never repeated", async () => {
  for (const [kind, value] of Object.entries(made)) {
    for (const resource of [inEnvironment("HARMLESS", value), inArguments("--harmless", value), inArguments(`--harmless=${value}`), happyRun({ command: `HARMLESS=${value} python3 train.py` }), happyRun({ setup: `echo "${value}" > key` }), happyInstance({ userData: `#cloud-config\nwrite: ${value}` })]) {
      const message = await found(resource);
      assert.match(message, /looks like a secret/, kind);
      assert.ok(!message.includes(value) && !message.includes(value.slice(0, 12)), message);
    }
  }
});

test("a name that says secret is enough for a literal", async () => {
  for (const name of ["COMET_API_KEY", "HF_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PASSPHRASE"]) {
    assert.match(await found(inEnvironment(name, "changeme")), new RegExp(`^job\\.env\\.${name}: holds what looks like a secret \\(its name says so\\)`));
  }
  assert.match(await found(inArguments("--api-key", "changeme")), /^job\.command or job\.roster\[0\]\.args: /);
  assert.match(await found(inArguments("--hf_token=changeme")), /its name says so/);
  assert.match(await found(happyRun({ setup: "git clone https://me:changeme@example.com/x.git" })), /^job\.setup: holds what looks like a secret \(a password in an address\)/);
});

test("the message says how to pass the secret instead", async () => {
  assert.match(await found(inEnvironment("HF_TOKEN", "changeme")), /Instead: secrets: \[HF_TOKEN\] in the job, and export HF_TOKEN where you run pulumi; if it is none, name it in this policy's allow list\./);
});

test("what only looks long passes", async () => {
  const harmless: Record<string, string> = {
    TOKENIZERS_PARALLELISM: "false",
    MAX_TOKENS: "4096",
    TOKEN_FILE: "/home/ubuntu/.token",
    HF_TOKEN: "$HF_TOKEN_FROM_OUTSIDE",
    MODEL: "meta-llama/Llama-3.1-8B-Instruct",
    DATASET: "allenai/c4-en-noblocklist-2019-Filtered",
    REVISION: "9f3c1b7a5e2d4c6b8a0f1e3d5c7b9a1f3e5d7c9b",
    SHA: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    RUN_ID: "0b8f8f0e-5d5d-4f0e-9d0d-0a1b2c3d4e5f",
    PYTORCH_CUDA_ALLOC_CONF: "expandable_segments:True,max_split_size_mb:128",
    WANDB_RUN_NAME: "ViTLargePatch16-AdamWCosineWarmup-ImageNet1k",
    PYTHONPATH: "/opt/SomeVeryLongDirectoryName/Version12/site-packages",
    NCCL_SOCKET_IFNAME: "^docker0,lo",
  };
  for (const [name, value] of Object.entries(harmless)) {
    assert.equal(await found(inEnvironment(name, value)), "", name);
    assert.equal(await found(inArguments(`--${name.toLowerCase().replace("hf_token", "model")}`, value)), "", name);
  }
});

test("an allow list names what is no secret", async () => {
  assert.equal(await found({ ...inEnvironment("SALT", made.random), config: { allow: ["SALT"] } }), "");
  assert.equal(await found({ ...inArguments("--salt", made.random), config: { allow: ["--salt"] } }), "");
  assert.match(await found({ ...inEnvironment("PEPPER", made.random), config: { allow: ["SALT"] } }), /a long random word/);
});

test("a message never holds a piece of the value, whatever the value is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9+/=_-]{24,60}$/), async (value) => {
      const message = await found(inEnvironment("SERVICE_TOKEN", value));
      assert.ok(!message.includes(value.slice(0, 10)));
    }),
    { numRuns: 50 },
  );
});
