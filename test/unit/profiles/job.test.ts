import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, parseJob, parseJobText, readJobFile } from "../../../profiles";
import { happyJob, jobWith, thrownBy } from "./happy";

test("a request of three lines is enough", () => {
  const job = parseJobText("name: digits\ncommand: python3 train.py\n", "job.yaml");
  assert.equal(job.code, ".");
  assert.equal(job.resources.gpu, "none");
  assert.deepEqual(job.roster, [{ name: "main", args: [] }]);
  assert.equal(job.checkpoint.everySeconds, null);
  assert.equal(job.disposable, null);
});

test("ten mistakes are ten findings in one go, each with its line", () => {
  const text = `name: Digits
comand: x
command: python3 train.py
env: {OMP_NUM_THREADS: 1}
secrets: ["WANDB_API_KEY=abc"]
resources:
  gpuu: none
  cpus: -3
checkpoint:
  directory: /scratch/x
artifacts: {keep: ["../x"]}
roster:
  - {name: "lr 0.1", args: [0.1]}
  - name: a
  - name: A
`;
  assert.equal(
    thrownBy(() => parseJobText(text, "digits.yaml")),
    `digits.yaml is not a valid job request, 11 faults:
  line 1: name = "Digits": must be 1 to 41 lower-case letters, digits and dashes, starting with a letter or digit
  line 2: comand is not known, did you mean command? (allowed here: name, command, code, setup, inputs, env, secrets, resources, checkpoint, artifacts, roster, disposable)
  line 4: env.OMP_NUM_THREADS = (not shown): must be text (write "1" instead of 1)
  line 5: secrets[0] = (not shown): must be the name of an environment variable, never its value
  line 7: resources.gpuu is not known, did you mean gpu? (allowed here: gpu, cpus, memoryGiB, diskGiB)
  line 8: resources.cpus = -3: must be a number above 0
  line 10: checkpoint.directory cannot be set: the checkpoint directory is derived, never typed; read $HOLDFAST_CHECKPOINT_DIR in the trainer
  line 11: artifacts.keep[0] = "../x": must be a glob relative to the cell's directory, such as "checkpoints/*.safetensors"
  line 13: roster[0].name = "lr 0.1": must be 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit
  line 13: roster[0].args[0] = 0.1: must be text (quote numbers, so that 0.10 stays 0.10)
  line 15: roster[2].name = "A": must be unique (case does not count), roster[1] has that name`,
  );
});

test("a typed checkpoint directory is refused wherever it hides", () => {
  const refused = (changes: Record<string, unknown>): string => thrownBy(() => jobWith(changes));
  assert.match(refused({ checkpointDir: "/x" }), /checkpointDir cannot be set: the checkpoint directory is derived, never typed/);
  assert.match(refused({ output_dir: "/x" }), /derived, never typed/);
  assert.match(refused({ checkpoint: { path: "/x" } }), /checkpoint\.path cannot be set/);
  assert.match(refused({ command: "python3 train.py --ckpt_dir=/data/x" }), /command has --ckpt_dir: the checkpoint directory is derived/);
  assert.match(refused({ env: { CHECKPOINT_DIR: "/x" } }), /env\.CHECKPOINT_DIR cannot be set/);
  assert.match(refused({ roster: [{ name: "a", args: ["--checkpoint-dir", "/x"] }] }), /roster\[0\]\.args\[0\] has --checkpoint-dir/);
  assert.doesNotThrow(() => jobWith({ command: 'python3 train.py --checkpoint-dir "$HOLDFAST_CHECKPOINT_DIR"' }));
  assert.doesNotThrow(() => jobWith({ command: "python3 train.py --checkpoint-every 10" }));
});

test("a secret's value is never repeated in a message", () => {
  const value = "hunter2-0123456789";
  for (const changes of [{ secrets: [`TOKEN=${value}`] }, { secrets: { TOKEN: value } }, { env: { TOKEN: [value] } }, { env: { "not a name": value } }, { secrets: ["TOKEN"], env: { TOKEN: value } }]) {
    assert.ok(!thrownBy(() => jobWith(changes)).includes(value), JSON.stringify(changes));
  }
});

test("two cells never share a folder or a log", () => {
  assert.match(thrownBy(() => jobWith({ roster: [{ name: "a" }, { name: "a" }] })), /roster\[1\]\.name = "a": must be unique/);
  for (const name of ["queue", "Setup"]) assert.match(thrownBy(() => jobWith({ roster: [{ name }] })), /a log of the run's own has that one/);
  for (const name of ["a.tmp", "a.kept-1"]) assert.match(thrownBy(() => jobWith({ roster: [{ name }] })), /must end differently/);
  assert.match(thrownBy(() => jobWith({ roster: [{ name: "../x" }] })), /must be 1 to 64 letters/);
  assert.match(thrownBy(() => jobWith({ roster: [] })), /roster = an empty list: must be a list of at least one cell/);
});

test("a pattern that declares everything scratch is refused", () => {
  for (const pattern of ["**", "*", "**/*", "./**"]) assert.match(thrownBy(() => jobWith({ artifacts: { scratch: [pattern] } })), /must leave something to keep/);
  assert.doesNotThrow(() => jobWith({ artifacts: { scratch: ["tmp/**", "*.bak"] } }));
});

test("HOLDFAST_ variables cannot be overridden from a job", () => {
  assert.match(thrownBy(() => jobWith({ env: { HOLDFAST_CHECKPOINT_DIR: "/x" } })), /env\.HOLDFAST_CHECKPOINT_DIR cannot be set/);
});

test("a GPU request is none or lower bounds, and its faults name the inner key", () => {
  assert.match(thrownBy(() => jobWith({ resources: { gpu: "some" } })), /resources\.gpu = "some": must be none, or a map with the keys names, count, memoryGiB/);
  assert.match(thrownBy(() => jobWith({ resources: { gpu: { name: "A10" } } })), /resources\.gpu\.name is not known, did you mean names\?/);
  assert.match(thrownBy(() => jobWith({ resources: { gpu: { names: ["A10"], count: 0 } } })), /resources\.gpu\.count = 0: must be a whole number from 1/);
});

test("what is no job at all is said so", () => {
  assert.match(thrownBy(() => parseJob([], "job.yaml")), /\(document\) = an empty list: must be a map with the keys name/);
  assert.match(thrownBy(() => parseJobText("", "job.yaml")), /\(document\) = null: must be a map/);
  assert.match(thrownBy(() => parseJobText("name: a\nname: b\n", "job.yaml")), /job\.yaml is not a valid YAML document, one fault:\n {2}line 2: /);
  assert.match(thrownBy(() => parseJobText("a: [", "job.yaml")), /line 1: /);
});

test("a job file is read with its defaults; a missing one says where it is named", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-job-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "job.yaml");
  writeFileSync(file, JSON.stringify(happyJob));
  assert.equal(readJobFile(file).roster.length, 2);
  assert.match(thrownBy(() => readJobFile(join(folder, "none.yaml"))), /the job file .*none\.yaml does not exist/);
  assert.match(thrownBy(() => readJobFile(folder)), /the job file .* cannot be read: /);
});

test("faults are data too", () => {
  assert.throws(
    () => parseJobText("name: digits\n", "job.yaml"),
    (thrown) => thrown instanceof ConfigError && thrown.code === "config" && thrown.faults.length === 1 && thrown.faults[0]?.path[0] === "command",
  );
});
