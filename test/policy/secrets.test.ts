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

/** Random letters of a fixed seed, put together here so that no scanner takes this file for a leak. */
const hex = (length: number): string => Array.from({ length }, (_, index) => ((index * 7 + (index % 5) * 3) % 16).toString(16)).join("");
const base64 = ["/bPxRfiCY9kQ", "8mD3hT7wZ1nLq2", "vB5gK6sJ4xE0yU="].join("");

test("a password or key is found under every common name", async () => {
  const named: Record<string, string> = {
    KAGGLE_KEY: hex(32), WANDB_KEY: hex(40), ENCRYPTION_KEY: "c2VjcmV0LWtleS1mb3ItdGVzdHMh", NPM_AUTH: hex(24),
    PGPASSWORD: "changeme", DB_PASS: "changeme", MYSQL_PWD: "changeme", REDIS_PASSWORD: "12345678", ROOTPASSWORD: "87654321", SMTP_PW: "2024",
    AWS_SECRET_ACCESS_KEY: base64, API_KEY: base64, CLIENT_SECRET: "/aB3dE5fG7hJ9kL1mN3pQ5",
    dbPassword: "changeme", accessToken: "changeme",
  };
  for (const [name, value] of Object.entries(named)) {
    assert.match(await found(inEnvironment(name, value)), /looks like a secret/, name);
    assert.match(await found(inArguments(`--${name}`, value)), /looks like a secret/, `--${name}`);
  }
  for (const word of [`--logger.wandb.api_key=${hex(40)}`, "+tracking.dbPassword=changeme", "--service.auth-token=changeme"]) {
    const message = await found(inArguments(word));
    assert.match(message, /its name says so/, word);
    assert.ok(!message.includes("changeme") && !message.includes(hex(12)));
  }
});

test("a secret that a command is given in plain words is found", async () => {
  const lines = [
    `wandb login ${hex(40)}`, `wandb login --relogin --host https://wandb.example.com ${hex(40)}`, `huggingface-cli login --add-to-git-credential ${"hf" + hex(30)}`,
    "docker login -u me -p changeme registry.example.com", "sshpass -p changeme ssh me@192.0.2.1", "curl -u me:changeme https://example.com/x", "mysql -h db -pchangeme runs",
    `aws configure set aws_secret_access_key ${base64}`, `curl -H "X-Api-Key: ${hex(32)}" https://example.com`, "openssl enc -d -pass pass:changeme -in x",
  ];
  for (const line of lines) {
    const message = await found(happyRun({ setup: line }));
    assert.match(message, /^job\.setup: holds what looks like a secret/, line);
    assert.ok(!message.includes("changeme") && !message.includes(hex(12)), message);
  }
  assert.equal(await found({ ...happyRun({ setup: "mysql -pchangeme runs" }), config: { allow: ["mysql"] } }), "");
});

test("references, paths, words of a vocabulary and keys of a table are no secrets", async () => {
  const harmless: Record<string, string> = {
    PAD_TOKEN: "<|endoftext|>", PLACEHOLDER_TOKEN: "cat-toy-7", EOS_TOKEN: "</s_end>", INSTANCE_TOKEN: "sks-token-1",
    CACHE_KEY: hex(40), PARTITION_KEY: "customer-0123456789abcdef", DATASET_KEY: "imagenet-1k-train-v2", SSH_KEY: "/home/ubuntu/.ssh/id_ed25519", LICENSE_KEY: "/opt/licenses/key",
    PASSWORD: "${DB_PASSWORD}", DB_PASSWORD: "$(cat /run/secrets/db)", API_KEY: "op://lab/wandb/key", TOKEN: "/run/secrets/kubernetes.io/serviceaccount/token", AUTH_TOKEN: "/vault/secrets/hf",
    SECRET: "/SomeFolder/WithWords/Inside", PWD: "/workspace", PGPASSFILE: "/root/.pgpass", COMPILER_PASSES: "inline", SEED_KEY: "1234567890123456",
  };
  for (const [name, value] of Object.entries(harmless)) assert.equal(await found(inEnvironment(name, value)), "", name);
  for (const words of [["--pad_token", "<|endoftext|>"], ["--compiler-pass", "fuse-attention"], ["--num-pass", "2000"], ["--max-new-token", "204800"], ["--key", "imagenet/train-2012-shards"]]) assert.equal(await found(inArguments(...words)), "", words[0]);
  for (const line of ["wandb login $WANDB_API_KEY", 'wandb login "$KEY"', "docker login --username me --password-stdin < pw", 'docker login -u me -p "$PASSWORD"', "curl -u $USER:$PASS https://example.com", "mysql -p$MYSQL_PWD x", "docker run -p 8080:80 x", "wandb login --anonymously"]) {
    assert.equal(await found(happyRun({ setup: line })), "", line);
  }
});

test("a command that a program runs holds no secret; its environment and its input may", async () => {
  const command = (props: Record<string, unknown>) => found({ type: "command:remote:Command", props });
  assert.match(await command({ create: `export WANDB_KEY=${hex(40)}; sbatch job.sh` }), /^create: holds what looks like a secret/);
  assert.match(await command({ create: "true", delete: "curl -u me:changeme https://example.com/off" }), /^delete: /);
  assert.equal(await command({ create: "wandb login $WANDB_KEY", environment: { WANDB_KEY: hex(40) }, stdin: hex(40) }), "");
});
