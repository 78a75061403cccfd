import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { defineProfile, quoteWord, resolve, wasteOf, youngDaly, stepsBetweenCheckpoints, type StackConfig } from "../../../profiles";
import type { PlanCell } from "../../../profiles/plan";
import { rental, scheduler } from "./otherPlatforms";
import { codeSha256, configWith, jobWith, planWith, run, thrownBy } from "./happy";

test("checkpoints go to the file system, and terminate is known to lose the own disk only", () => {
  const plan = planWith();
  assert.deepEqual(plan.durable, { tier: "filesystem", mountFrom: "filesystem.mountPoint", runDirectoryTemplate: "{mount}/holdfast/demo/dev/digits" });
  const [instance] = plan.teardown.deletions;
  assert.equal(instance?.role, "instance");
  assert.equal(instance.verb, "terminate");
  assert.deepEqual([instance.tiersLost, instance.tiersKept], [["local"], ["filesystem"]]);
  assert.deepEqual(
    instance.metersAfter.map(({ meter, state, usdPerMonth }) => [meter, state, usdPerMonth]),
    [
      ["compute", "stops", null],
      ["filesystem", "continues", 2],
      ["egress", "n/a", null],
    ],
  );
  assert.deepEqual(plan.teardown.deletions.map((deletion) => deletion.role), ["instance", "sshKey"]);
});

test("storage goes only when it is the run's own and config says delete", () => {
  const roles = (config: Record<string, unknown>): string[] => planWith({}, config).teardown.deletions.map((deletion) => deletion.role);
  assert.deepEqual(roles({ teardown: { storage: "delete" } }), ["instance", "filesystem", "sshKey"]);
  assert.deepEqual(roles({ teardown: { storage: "delete" }, storage: { adopt: "abc" } }), ["instance", "filesystem", "sshKey"]);
  assert.deepEqual(roles({ storage: { existing: "team" } }), ["instance", "sshKey"]);
  assert.deepEqual(roles({ lambda: { firewall: [{ protocol: "tcp", port: 8888, source: "192.0.2.0/24" }] } }), ["instance", "sshKey", "firewall"]);
  const filesystem = planWith({}, { teardown: { storage: "delete" } }).teardown.deletions[1];
  assert.deepEqual([filesystem?.tiersLost, filesystem?.tiersKept], [["filesystem"], []]);
});

test("a cell's words reach its program unchanged", () => {
  const words = ["--lr", "0.01", "it's", "", "a b", "$HOME", "`id`", "*", "~", "a\nb", 'say "hi"', "\\", "-n", "é"];
  const printed = execFileSync("sh", ["-c", `printf '%s\\0' ${words.map(quoteWord).join(" ")}`], { encoding: "utf8" });
  assert.deepEqual(printed.split("\0").slice(0, -1), words);
  assert.equal(planWith({ roster: [{ name: "a", args: ["--note", "it's"] }] }).cells[0]?.command, "python3 train.py --note 'it'\\''s'");
});

test("a cell's identity changes with what it runs and not with what it is called", () => {
  const sha = (job: Record<string, unknown>): string => planWith(job).cells[0]?.configSha256 ?? "";
  const base = sha({ roster: [{ name: "a", args: ["1"] }] });
  assert.equal(sha({ roster: [{ name: "b", args: ["1"] }] }), base);
  assert.notEqual(sha({ roster: [{ name: "a", args: ["2"] }] }), base);
  assert.notEqual(sha({ roster: [{ name: "a", args: ["1"] }], env: { A: "1" } }), base);
});

test("an edit of code or setup changes what a cell is run with, and not what the cell is", () => {
  const cell = (job: Record<string, unknown>, code = codeSha256): PlanCell | undefined =>
    resolve(jobWith({ roster: [{ name: "a", args: ["1"] }], ...job }), defineProfile(rental()), { run, config: { ...configWith(), platform: "rental" }, codeSha256: code }).cells[0];
  const base = cell({});
  for (const other of [cell({ setup: "true" }), cell({}, "d".repeat(64))]) {
    assert.equal(other?.configSha256, base?.configSha256);
    assert.notEqual(other?.codeSha256, base?.codeSha256);
  }
});

test("metrics and logs are kept even when a pattern calls everything else scratch", () => {
  const [cell] = planWith({ artifacts: { keep: ["best.pt"], scratch: ["*.pt"] }, roster: [{ name: "a", artifacts: { scratch: ["cache/**"] } }] }).cells;
  assert.deepEqual(cell?.keep, ["metrics.json", "metrics.jsonl", "metrics/**", "tensorboard/**", "*.log", "logs/**", "best.pt"]);
  assert.deepEqual(cell.scratch, ["*.pt", "cache/**"]);
  assert.deepEqual(cell.expected, ["best.pt"]);
});

test("the cadence is Young and Daly's, rounded down, and wasteful plans are said so", () => {
  assert.deepEqual(youngDaly(30, 10_800), { everySeconds: 804, expectedWaste: Math.sqrt(60 / 10_800) });
  assert.equal(youngDaly(1e-9, 1).everySeconds, 1);
  assert.equal(stepsBetweenCheckpoints(804, 2), 402);
  assert.equal(stepsBetweenCheckpoints(1, 60), 1);
  assert.ok(Math.abs(wasteOf(804.98, 30, 10_800) - Math.sqrt(60 / 10_800)) < 1e-6);
  assert.deepEqual({ ...planWith().checkpoint, expectedWaste: 0 }, { everySeconds: 804, everySteps: null, costSeconds: 30, meanSecondsBetweenInterruptions: 10_800, expectedWaste: 0, source: "young-daly" });
  assert.equal(planWith({ checkpoint: { everySeconds: 600 } }).checkpoint.source, "override");
  assert.equal(planWith({ checkpoint: { costSeconds: 30, meanHoursBetweenInterruptions: 3, stepSeconds: 0.5 } }).checkpoint.everySteps, 1608);
  assert.equal(planWith({ checkpoint: { everySeconds: 600, stepSeconds: 7 } }).checkpoint.everySteps, 85, "rounded down: earlier is the safe side");
  assert.equal(planWith().warnings.length, 0);
  assert.match(planWith({ checkpoint: { costSeconds: 600, meanHoursBetweenInterruptions: 1 } }).warnings.join(), /wastes about 58% of the paid time/);
  assert.match(planWith({ checkpoint: { costSeconds: 30, everySeconds: 60 } }).warnings.join(), /wastes about 50% of the paid time/);
});

test("the worst case is the dearest candidate for the whole lease, with storage", () => {
  const { cost } = planWith();
  assert.deepEqual(cost, { hourlyUsdBound: 1.99, hourlySource: "price-table", priceTable: "2026-08", storageUsdPerMonth: 2, extrasUsdPerMonth: 0, egressUsd: 0, worstCaseUsd: 3.99, forgottenDayUsd: 47.83, forgottenMonthUsd: 1454.7 });
  assert.equal(planWith({}, { capacity: { candidates: ["gpu_1x_a10"], maxHourlyUsd: 1 } }).cost.hourlyUsdBound, 1);
  assert.equal(planWith({}, { capacity: { candidates: ["gpu_1x_new"], maxHourlyUsd: 3 } }).cost.hourlySource, "capacity.maxHourlyUsd");
  const unknown = planWith({}, { capacity: { candidates: ["gpu_1x_new"] } });
  assert.equal(unknown.cost.worstCaseUsd, null);
  assert.match(unknown.warnings.join("\n"), /nothing bounds the hourly price/);
  const derived = planWith({ resources: { gpu: { names: ["A10"] } } }, { capacity: {} });
  assert.equal(derived.cost.hourlyUsdBound, 1.29);
  assert.match(planWith({}, { budget: { maxHours: 100, maxUsd: 10 } }).warnings.join(), /100 h can cost \$199\.28, more than budget\.maxUsd = 10/);
});

test("a run without any bound is warned about, a disposable one is bounded by its age", () => {
  assert.match(planWith({}, { budget: {} }).warnings.join(), /nothing bounds how long this run may bill/);
  const disposable = planWith({}, { budget: {}, disposable: true });
  assert.deepEqual(disposable.disposable, { maxHours: 2 });
  assert.deepEqual(disposable.warnings, []);
  assert.equal(planWith({ disposable: { maxHours: 1 } }, { disposable: false }).disposable, null);
});

test("known mistakes are warned about before money is spent", () => {
  const warnings = planWith(
    { setup: "pip install torch==2.2.0 numpy\nsudo apt-get -y full-upgrade", command: "python3 train.py --output_dir out; sudo shutdown -h now" },
    { capacity: { candidates: ["gpu_1x_gh200"] } },
  ).warnings.join("\n");
  for (const id of ["LAM3", "LAM7", "LAM11", "LAM13"]) assert.match(warnings, new RegExp(`\\(${id}\\)`));
  assert.match(warnings, /command: --output_dir is read in the code directory, on the instance's own NVMe disk/);
  assert.match(planWith({ command: "python3 t.py --output_dir /home/ubuntu/out" }).warnings.join(), /--output_dir names a folder outside of the run's, taken to be on the instance's own NVMe disk/);
  assert.equal(planWith({ command: "python3 t.py --output_dir s3://runs/out" }).warnings.length, 0, "a bucket is no disk");
  assert.deepEqual(planWith({ setup: "pip install torch-geometric numpy", command: "python3 train.py --halt-on-nan --shutdown 3" }).warnings, []);
});

test("a durable path that somebody typed is refused, its value unprinted when it is in the environment", () => {
  assert.match(thrownBy(() => planWith({ command: "python3 train.py --data /lambda/nfs/team/x" })), /job\.command names \/lambda\/nfs\/: a durable path is derived, never typed/);
  assert.match(thrownBy(() => planWith({ roster: [{ name: "a", args: ["/lambda/nfs/x"] }] })), /job\.roster\[0\]\.args\[0\] names/);
  const message = thrownBy(() => planWith({ env: { OUT: "/lambda/nfs/private-name" } }));
  assert.match(message, /job\.env\.OUT names \/lambda\/nfs\//);
  assert.ok(!message.includes("private-name"));
  assert.doesNotThrow(() => planWith({ inputs: [{ name: "x", source: "/lambda/nfs/datasets/x", mode: "mount" }] }));
});

test("an instance is never planned in another region than its file system", () => {
  const mismatch = { storage: { create: { region: "us-west-1" } }, capacity: { candidates: ["gpu_1x_a10@us-east-1"] } };
  assert.match(thrownBy(() => planWith({}, mismatch)), /capacity\.candidates\[0\] = "gpu_1x_a10@us-east-1": must be in us-west-1 \(storage\.create\.region\).*LAM2/);
  assert.equal(planWith({}, { capacity: { candidates: ["gpu_1x_a10@us-east-1", "gpu_1x_a100@us-east-1"] } }).storage.region, "us-east-1");
  assert.equal(planWith().storage.region, null);
});

test("a name that the vendor would refuse is refused before anything is bought", () => {
  assert.match(thrownBy(() => planWith({}, { storage: { create: { name: "team_data" } } })), /storage\.create\.name = "team_data": must be 1 to 60 letters, digits and dashes/);
  assert.match(planWith().storage.name, /^holdfast-digits-[0-9a-f]{6}$/);
});

test("the default verb of a rental that would lose the checkpoints is refused, the keeping one accepted", () => {
  const profile = defineProfile({ ...rental(), durable: { tier: "data", mountFrom: "/root/fast" }, host: { ...rental().host, caches: [] } });
  const config = (verb: string | null): StackConfig => ({ ...configWith(), platform: "rental", teardown: { verb, storage: "keep", require: "pulled" } });
  assert.match(thrownBy(() => resolve(jobWith(), profile, { run, config: config(null), codeSha256 })), /teardown\.verb = "release": loses tier data, where the checkpoints are; use stop/);
  assert.equal(resolve(jobWith(), profile, { run, config: config("stop"), codeSha256 }).teardown.verb, "stop");
});

test("what a platform does not know is planned pessimistically", () => {
  const plan = resolve(jobWith({ checkpoint: {} }), defineProfile(scheduler()), { run, config: { ...configWith(), platform: "scheduler" }, codeSha256 });
  assert.equal(plan.checkpoint.meanSecondsBetweenInterruptions, 12 * 3600);
  assert.equal(plan.cost.hourlySource, "free");
  assert.deepEqual(plan.clocks.find((clock) => clock.id === "walltime")?.tiersLost, ["nodeLocal"]);
  assert.equal(plan.clocks.find((clock) => clock.id === "walltime")?.seconds, null);
});

test("a plan is plain JSON", () => {
  const plan = planWith();
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
});
