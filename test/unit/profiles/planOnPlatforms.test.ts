import assert from "node:assert/strict";
import { test } from "node:test";
import { USD_PER_CNY_BOUND } from "../../../profiles";
import { thrownBy } from "./happy";
import { everyPlatform, planOn } from "./everyPlatform";

const clock = (plan: ReturnType<typeof planOn>, id: string) => plan.clocks.find((known) => known.id === id);

test("a clock that config sets is planned with its duration, and one that ends the run early is said so", () => {
  const core = planOn("paperspaceCore", { config: { paperspaceCore: { autoShutdownHours: 24 }, budget: { maxHours: 48 } } });
  assert.equal(clock(core, "autoShutdown")?.seconds, 86_400);
  assert.deepEqual(clock(core, "autoShutdown")?.tiersLost, []);
  assert.equal(clock(core, "computeWithoutEnd"), undefined);
  assert.match(core.warnings.join("\n"), /clock autoShutdown: ends the run after 24 h, and budget\.maxHours is 48; .*\(PS2\)/);
  assert.match(planOn("paperspaceCore").warnings.join("\n"), /paperspaceCore\.autoShutdownHours: not set/);
  assert.equal(clock(planOn("paperspaceGradient"), "autoShutdown")?.seconds, 6 * 3600);
  assert.equal(clock(planOn("paperspaceGradient", { config: { paperspaceGradient: { plan: "paid" } } }), "autoShutdown")?.seconds, 12 * 3600);
  const slurm = planOn("slurm");
  assert.equal(clock(slurm, "walltime")?.seconds, 36 * 3600);
  assert.deepEqual(clock(slurm, "walltime")?.tiersLost, ["nodeLocal"]);
  assert.deepEqual(clock(slurm, "scratchPurge")?.tiersLost, ["nodeLocal", "shared"]);
  assert.equal(clock(planOn("autodl"), "tidalRelease"), undefined);
  assert.equal(clock(planOn("autodl", { config: { autodl: { tidal: true } } }), "tidalRelease")?.seconds, 7 * 86_400);
});

test("what a platform cannot do without is asked for, and what it cannot do is refused", () => {
  const faults = (platform: string, config: Record<string, unknown>): string => thrownBy(() => planOn(platform, { config }));
  assert.match(faults("ssh", { ssh: {} }), /ssh\.host is missing: must be a host name.*\n.*ssh\.durablePath is missing: must be an absolute path/s);
  assert.match(faults("slurm", { slurm: {} }), /slurm\.durablePath is missing/);
  assert.match(faults("slurm", { slurm: { durablePath: "/scratch/x", time: "12h" } }), /slurm\.time = "12h": must be a walltime/);
  assert.match(faults("paperspaceGradient", { paperspaceGradient: { autoShutdownHours: 24 } }), /autoShutdownHours = 24: must be at most 6 on the free plan/);
  assert.match(faults("paperspaceCore", { paperspaceCore: { autoShutdownHours: 200 } }), /must be whole hours, 1 to 168/);
  assert.match(faults("paperspaceCore", { teardown: { verb: "shutdown" } }), /must be one of delete, stop on paperspaceCore \(.* ends nothing: PS1\)/);
  assert.match(faults("ssh", { ssh: { host: "h", durablePath: "/d" }, teardown: { verb: "destroy" } }), /loses tier data, where the checkpoints are; use leave/);
  assert.match(faults("paperspaceCore", { paperspaceCore: { region: "ny2" }, capacity: { candidates: ["A4000@ca1"] } }), /must be in ny2 \(paperspaceCore\.region\), the shared drive cannot be attached elsewhere \(PS5\)/);
});

test("the only copy is never planned where a reboot or the end of a job empties the folder", () => {
  for (const platform of ["ssh", "slurm"]) {
    const with_ = (durablePath: string) => planOn(platform, { config: { [platform]: { ...(platform === "ssh" ? { host: "h" } : { time: "04:00:00" }), durablePath } } });
    for (const path of ["/tmp", "/tmp/me", "/dev/shm/me", "/var/tmp/x", "/run/user/1000", "/data/../tmp/x"]) assert.match(thrownBy(() => with_(path)), new RegExp(`${platform}\\.durablePath = .*must be an absolute path such as /data, and not below /tmp`), path);
    assert.equal(with_("/tmpdata/me").durable.mountFrom, "/tmpdata/me");
  }
});

test("a moment that nobody knows here is told apart from a timer that does not exist", () => {
  const slurm = planOn("slurm", { config: { slurm: { durablePath: "/scratch/team" } } });
  assert.match(clock(slurm, "walltime")?.look ?? "", /scontrol show partition/);
  assert.match(slurm.warnings.join("\n"), /slurm\.time: not set, so the partition's own walltime ends the job/);
  assert.equal(clock(planOn("slurm"), "walltime")?.look, undefined);
  assert.ok(!planOn("slurm").warnings.join("\n").includes("slurm.time"));
  for (const known of planOn("lambda").clocks) assert.ok(!("look" in known), known.id);
});

test("host and paths come from the platform's own block", () => {
  const ssh = planOn("ssh", { config: { ssh: { host: "gpu.example.com", port: 2222, user: "ubuntu", durablePath: "/data" } } });
  assert.deepEqual([ssh.host.user, ssh.host.sshPort, ssh.durable.mountFrom, ssh.durable.runDirectoryTemplate], ["ubuntu", 2222, "/data", "{mount}/holdfast/demo/dev/digits"]);
  const autodl = planOn("autodl");
  assert.deepEqual([autodl.durable.mountFrom, autodl.host.python, autodl.host.tensorboardDirectory], ["/root/autodl-fs", "/root/miniconda3/bin/python", "/root/tf-logs"]);
  assert.match(autodl.host.proxyHook ?? "", /network_turbo/);
});

test("a durable path is only recognised as one where it begins", () => {
  assert.match(thrownBy(() => planOn("paperspaceGradient", { job: { command: "python3 train.py --data /storage/x" } })), /job\.command names \/storage/);
  assert.match(thrownBy(() => planOn("autodl", { job: { command: "python3 train.py --out=/root/autodl-fs" } })), /names \/root\/autodl-fs/);
  for (const command of ["python3 train.py --data ./storage/x", "python3 train.py --data /data/storage/x", "python3 train.py --data /storage-2/x"]) assert.doesNotThrow(() => planOn("paperspaceGradient", { job: { command } }));
});

test("room is counted in bytes and in files, and said where it does not fit", () => {
  assert.equal(planOn("autodl").disk, null);
  const roster = Array.from({ length: 4 }, (_, index) => ({ name: `c${index}` }));
  const plan = planOn("autodl", { job: { checkpoint: { bytes: 5e9 }, roster } });
  assert.deepEqual(plan.disk, { checkpointBytes: 20e9, rollingBytes: 5e9, cacheBytes: 0, inputBytes: 0, bytes: 25e9, files: 320, capBytes: 20e9, capInodes: 200_000 });
  assert.match(plan.warnings.join("\n"), /resources\.diskGiB: 10 GiB is less than the 25 GB/);
  assert.match(plan.warnings.join("\n"), /the cells need 25 GB, and regional file storage holds 20 GB \(AD3, AD4\)/);
  const many = planOn("autodl", { job: { checkpoint: { bytes: 1000 }, roster: Array.from({ length: 4000 }, (_, index) => ({ name: `c${index}` })) } });
  assert.match(many.warnings.join("\n"), /the cells make about 256064 files, and regional file storage holds 200000/);
  assert.equal(planOn("ssh", { job: { checkpoint: { bytes: 5e9 } } }).disk?.cacheBytes, 10e9);
});

test("the cost counts disks and addresses that config asks for, by size class, and yuan at a bound", () => {
  const core = planOn("paperspaceCore", { config: { paperspaceCore: { diskGb: 500, publicIp: "static", autoSnapshots: "daily", keepSnapshots: 3 } } });
  assert.equal(core.cost.storageUsdPerMonth, 16);
  assert.equal(core.cost.extrasUsdPerMonth, 25 + 3 + 3 * 2);
  assert.equal(core.cost.egressUsd, 0);
  assert.deepEqual(core.teardown.deletions.map((deletion) => deletion.role), ["instance", "publicIp", "snapshot", "startupScript"]);
  const after = (meter: string) => core.teardown.deletions[0]?.metersAfter.find((known) => known.meter === meter);
  assert.deepEqual(after("publicIp"), { meter: "publicIp", state: "continues", usdPerMonth: 3 });
  assert.deepEqual(after("snapshot"), { meter: "snapshot", state: "continues", usdPerMonth: 6 });
  assert.equal(after("template")?.state, "n/a");
  const dynamic = planOn("paperspaceCore").teardown.deletions[0]?.metersAfter.find((known) => known.meter === "publicIp");
  assert.equal(dynamic?.state, "stops");
  const autodl = planOn("autodl").cost;
  assert.ok(Math.abs((autodl.storageUsdPerMonth ?? 0) - 10 * 1.073741824 * 0.31 * USD_PER_CNY_BOUND) < 1e-9);
  assert.match(planOn("ssh").warnings.join("\n"), /storage: its price is not known in advance/);
  assert.equal(planOn("ssh").cost.egressUsd, null);
  const tooLarge = planOn("paperspaceCore", { job: { resources: { diskGiB: 20_000 } } });
  assert.equal(tooLarge.cost.storageUsdPerMonth, null);
});

test("mistakes of each platform are warned about before money is spent", () => {
  const warned = (platform: string, job: Record<string, unknown>): string => planOn(platform, { job }).warnings.join("\n");
  assert.match(warned("paperspaceGradient", { setup: "pip install einops" }), /\(PS3\)/);
  assert.doesNotMatch(warned("paperspaceGradient", { setup: "pip install --target /tmp/env einops" }), /\(PS3\)/);
  assert.match(warned("paperspaceGradient", {}), /public, and the job needs WANDB_API_KEY; .*\(PS7\)/);
  assert.match(warned("paperspaceCore", { setup: "pip install gradient" }), /\(PS4\)/);
  assert.doesNotMatch(warned("paperspaceCore", { setup: 'pip install "gradient<3.0"' }), /\(PS4\)/);
  assert.match(warned("paperspaceCore", { setup: "sudo apt-get install -y nvidia-driver-550" }), /\(PS11\)/);
  assert.match(warned("autodl", { setup: "conda create -n x" }), /\(AD6\)/);
  assert.match(warned("autodl", { setup: "pip install -r requirements.txt" }), /\(AD9\)/);
  assert.match(warned("autodl", { setup: "hf download org/model" }), /\(AD2\)/);
  assert.doesNotMatch(warned("autodl", { setup: "HF_HUB_DISABLE_XET=1 hf download org/model" }), /\(AD2\)/);
  assert.match(warned("autodl", { command: "python3 train.py; /usr/bin/shutdown" }), /\(AD-DANGER\)/);
  assert.match(warned("ssh", { command: "nohup python3 train.py" }), /\(GEN2\)/);
  assert.match(warned("ssh", { setup: "pip install x\r\npip install y" }), /\(GEN4\)/);
  assert.match(warned("slurm", { command: "srun python3 train.py" }), /\(SLURM3\)/);
  assert.doesNotMatch(warned("slurm", { command: "srun -c 4 python3 train.py" }), /\(SLURM3\)/);
  assert.match(warned("slurm", { command: "python3 train.py --cache $TMPDIR" }), /\(SLURM5\)/);
  assert.match(warned("slurm", { checkpoint: { costSeconds: 600, meanHoursBetweenInterruptions: 100 } }), /slurm\.signalLeadSeconds: 360 s is less than the 690 s .*\(SLURM2\)/);
});

test("every platform can be planned from the least config, with a cadence, clocks and an end", () => {
  for (const { id } of everyPlatform) {
    const plan = planOn(id);
    assert.ok(plan.checkpoint.everySeconds > 0 && plan.clocks.length > 0 && plan.teardown.deletions.length > 0, id);
  }
});

test("downloads of every tool go where the platform keeps the model cache, not onto the disk that goes first", () => {
  assert.deepEqual(planOn("lambda").host.cacheEnvironment, { TORCH_HOME: "{mount}/.cache/torch", PIP_CACHE_DIR: "{mount}/.cache/pip", HF_HOME: "{mount}/.cache/huggingface" });
  assert.equal(planOn("autodl").host.cacheEnvironment["PIP_CACHE_DIR"], "/root/autodl-tmp/pip");
});
