import assert from "node:assert/strict";
import { test } from "node:test";
import { findVerb, parseJob, parseStackConfig, profileFor, profiles, tiersLostBy, valueOr, type Profile, type StackConfig } from "../../../profiles";
import { firedTriggers } from "../../../profiles/planning/triggers";
import { happyJob } from "./happy";

const all = Object.values(profiles);
const needed: Readonly<Record<string, Record<string, unknown>>> = { ssh: { ssh: { host: "192.0.2.7", durablePath: "/data" } }, slurm: { slurm: { durablePath: "/scratch/team" } } };
const configOf = (profile: Profile, candidates: readonly string[] = []): StackConfig =>
  parseStackConfig({ platform: profile.id, job: "job.yaml", capacity: { candidates }, ...needed[profile.id] }, "Pulumi.dev.yaml");

/** One thing that people write, for every mistake that a profile knows: platform and id to setup, command or candidate. */
const mistakes: readonly (readonly [string, string, { setup?: string; command?: string; candidate?: string }])[] = [
  ["lambda", "LAM3", { command: "python3 train.py; sudo shutdown -h now" }],
  ["lambda", "LAM3", { setup: "true\npoweroff" }],
  ["lambda", "LAM7", { setup: "pip install torch==2.4.0" }],
  ["lambda", "LAM8", { setup: "python3 -m venv --system-site-packages env" }],
  ["lambda", "LAM11", { setup: "sudo apt-get -y upgrade" }],
  ["lambda", "LAM13", { candidate: "gpu_1x_gh200" }],
  ["paperspaceGradient", "PS3", { setup: "pip install -r requirements.txt" }],
  ["paperspaceGradient", "PS4", { setup: "pip install gradient" }],
  ["paperspaceGradient", "PS4", { command: "gradient notebooks create" }],
  ["paperspaceCore", "PS4", { setup: "pip3 install gradient" }],
  ["paperspaceCore", "PS4", { command: "gradient machines list" }],
  ["paperspaceGradient", "PS11", { setup: "apt install cuda-drivers" }],
  ["paperspaceCore", "PS11", { setup: "sudo apt-get install -y nvidia-driver-560" }],
  ["autodl", "AD2", { setup: "hf download example/model" }],
  ["autodl", "AD2", { command: "huggingface-cli download example/model && python train.py" }],
  ["autodl", "AD6", { setup: "conda create -n train python=3.11" }],
  ["autodl", "AD9", { setup: "pip install torch" }],
  ["autodl", "AD9", { setup: "pip install -r requirements.txt" }],
  ["autodl", "AD-DANGER", { command: "python train.py && shutdown" }],
  ["autodl", "AD-DANGER", { setup: "/usr/bin/shutdown" }],
  ["slurm", "SLURM3", { command: "srun python3 train.py" }],
  ["slurm", "SLURM5", { command: 'python3 train.py --cache "$TMPDIR"' }],
  ["ssh", "GEN2", { command: "nohup python3 train.py" }],
  ["ssh", "GEN4", { setup: "pip install numpy\r\n" }],
];

const firedBy = (profile: Profile, { setup, command, candidate }: { setup?: string; command?: string; candidate?: string }) =>
  firedTriggers(profile, parseJob({ ...happyJob, ...(setup === undefined ? {} : { setup }), ...(command === undefined ? {} : { command }) }, "job.yaml"), configOf(profile, candidate === undefined ? [] : [candidate]));

test("every known mistake of a platform is warned about by its id", () => {
  for (const [platform, id, written] of mistakes) {
    const ids = firedBy(profileFor(platform), written).map((trigger) => trigger.gotcha);
    assert.ok(ids.includes(id), `${platform} ${id}: ${JSON.stringify(written)} is not warned about`);
  }
  const tried = new Set(mistakes.map(([platform, id, written]) => `${platform} ${id} ${Object.keys(written).join()}`));
  const places = all.flatMap((profile) => profile.gotchas.flatMap((gotcha) => gotcha.triggers.map((trigger) => `${profile.id} ${gotcha.id} ${trigger.in}`)));
  assert.deepEqual([...new Set(places)].filter((place) => !tried.has(place)), [], "triggers that no example here makes fire");
});

test("an ordinary job is warned about nowhere", () => {
  for (const profile of all) assert.deepEqual(firedBy(profile, { setup: "python3 -m venv env && env/bin/python -m compileall .", command: "python3 train.py --lr 0.1" }), [], profile.id);
});

test("no platform plans its checkpoints onto a tier that its own end, or a doubt, takes away", () => {
  for (const profile of all) {
    const end = profile.roles.find((role) => role.role === "instance")?.end.verb ?? assert.fail(`${profile.id} has no role instance`);
    assert.ok(!tiersLostBy(profile, findVerb(profile, "instance", end)).includes(profile.durable.tier), `${profile.id}: ${end} loses ${profile.durable.tier}`);
  }
});

test("the model cache has a named place on every platform", () => {
  for (const profile of all) assert.ok(profile.host.caches.some((cache) => cache.variable === "HF_HOME"), profile.id);
});

test("what a platform needs before a download, and where its panel reads, is part of the plan", () => {
  const { proxyHook, tensorboard } = profileFor("autodl").host;
  assert.match(valueOr(proxyHook, ""), /network_turbo/);
  assert.equal(valueOr(tensorboard, { directory: null }).directory, "/root/tf-logs");
});
