import assert from "node:assert/strict";
import { test } from "node:test";
import { profileFor } from "../../profiles";
import { rules, type ResourceRule } from "../../policy/rules";
import { judge, type Resource } from "./judging";
import { TRAINING_RUN } from "../../policy/subjects";
import { planAt, planOn, platforms, runOn } from "./platformPlans";

const resourceRules = rules.filter((rule): rule is ResourceRule => "validateResource" in rule);

async function said(resource: Resource): Promise<string[]> {
  const judged = await Promise.all(resourceRules.map(async (rule) => (await judge(rule, resource)).violations.map((message) => `${rule.name}: ${message}`)));
  return judged.flat();
}

const trips = async (resource: Resource, rule: string, message: RegExp): Promise<void> => {
  const found = (await said(resource)).filter((line) => line.startsWith(`${rule}: `));
  assert.ok(found.length > 0, `${rule} says nothing`);
  assert.match(found.join("\n"), message);
};

type Change = (plan: Record<string, unknown>) => void;
const set = (key: string, values: object): Change => (plan) => void (plan[key] = { ...(plan[key] as object), ...values });

for (const platform of platforms) {
  const profile = profileFor(platform);
  const lost = profile.ownDisk.tier;

  test(`${platform}: a run as resolved is left alone`, async () => {
    assert.deepEqual(await said(runOn(platform)), []);
  });

  test(`${platform}: checkpoints on the machine's own disk fail, and the finding names a remedy of this platform`, async () => {
    const onOwnDisk = runOn(platform, set("durable", { tier: lost }));
    const found = (await said(onOwnDisk)).filter((line) => /^checkpoints-survive-(teardown|clocks): /.test(line));
    const survives = profile.tiers.find(({ id }) => id === lost)?.survives.destroy;
    if (lost === profile.durable.tier) {
      // Some platforms keep the machine's own disk at the end, and have no other.
      assert.equal(found.length > 0, survives?.state !== "known" || !survives.value, found.join("\n"));
      return;
    }
    assert.ok(found.length > 0);
    assert.ok(found.every((line) => line.includes("Instead: ") && line.includes(profile.durable.tier)), found.join("\n"));
  });

  test(`${platform}: a verb that ends nothing is no teardown`, async () => {
    const trap = profile.verbs.find(({ on, use }) => on === "instance" && use !== "teardown");
    const verb = trap?.verb ?? "vanish";
    await trips(runOn(platform, set("teardown", { verb })), "checkpoints-survive-teardown", /^checkpoints-survive-teardown: teardown\.verb: /);
  });

  test(`${platform}: a gate that is told less than a verb loses fails`, async () => {
    const plan = planOn(platform);
    const loses = plan.teardown.deletions.some(({ tiersLost }) => tiersLost.length > 0);
    const silent = runOn(platform, (changed) => {
      for (const deletion of (changed["teardown"] as { deletions: { tiersLost: string[] }[] }).deletions) deletion.tiersLost = [];
    });
    const found = (await said(silent)).filter((line) => /does not name .* loses/.test(line));
    assert.equal(found.length > 0, loses);
  });

  test(`${platform}: what nothing bounds, what costs more than its budget, and a secret all fail`, async () => {
    await trips(runOn(platform, set("budget", { maxHours: null, maxUsd: null })), "budget-or-lease-set", /budget: nothing says how long/);
    await trips(runOn(platform, (plan) => {
      set("cost", { worstCaseUsd: 100 })(plan);
    }), "cost-within-budget", /\$100\.00 at worst.*more than its budget of \$20\.00/s);
    await trips(runOn(platform, set("environment", { HF_TOKEN: "changeme" })), "no-secret-literals", /job\.env\.HF_TOKEN/);
  });

  test(`${platform}: a command that throws its checkpoints away fails`, async () => {
    const overwriting = runOn(platform, (plan) => {
      for (const cell of plan["cells"] as { command: string }[]) cell.command += " --overwrite_output_dir";
    });
    await trips(overwriting, "work-resumes-after-interruption", /--overwrite_output_dir starts over.*Instead: load the newest/s);
  });

  test(`${platform}: a checkpoint that comes after the end of a session, or rarer than interruptions, fails`, async () => {
    await trips(runOn(platform, set("checkpoint", { everySeconds: 40_000_000 })), "first-checkpoint-before-clock", /everySeconds: /);
  });

  test(`${platform}: what does not fit the durable tier fails where its size is known`, async () => {
    const cap = profile.tiers.find(({ id }) => id === profile.durable.tier)!.capBytes;
    const found = (await said(runOn(platform, set("resources", { diskGiB: 1e12 })))).filter((line) => line.startsWith("disk-holds-the-run: "));
    assert.equal(found.length, cap.state === "known" ? 1 : 0);
  });
}

test("a promise that nobody has verified for a year counts for nothing, on every platform that keeps anything", async () => {
  const plansAt = (platform: string, now: string): Resource => ({ type: TRAINING_RUN, props: { platform, plan: planAt(platform, new Date(now)) } });
  const rule = "promises-are-verified";
  for (const platform of platforms) {
    const profile = profileFor(platform);
    const fresh = (await said(plansAt(platform, "2026-11-15"))).filter((line) => line.startsWith(`${rule}: `));
    assert.deepEqual(fresh, [], platform);
    const old = (await said(plansAt(platform, "2036-01-01"))).filter((line) => line.startsWith(`${rule}: `));
    const keeps = planAt(platform, new Date("2026-11-15")).teardown.deletions.some(({ tiersKept }) => tiersKept.includes(profile.durable.tier));
    assert.equal(old.length > 0, keeps, platform);
    for (const line of old) assert.match(line, /was last verified in 2026-\d\d, more than twelve months before this plan.*Instead: .*promises-are-verified": "advisory"/s, platform);
  }
});

test("a run that is longer than its session says how many sessions it takes", async () => {
  for (const platform of ["paperspaceGradient", "colab", "slurm"]) await trips(runOn(platform, undefined, {}, { budget: { maxHours: 40, maxUsd: 500 } }), "run-fits-clock", /the run may take 40 h.*\d+ sessions/s);
});

test("a notebook session that may reach its cap loses its output", async () => {
  await trips(runOn("kaggle", undefined, {}, { budget: { maxHours: 12, maxUsd: 20 } }), "checkpoints-survive-clocks", /budget\.maxHours: .*erases its checkpoints after 9 h.*Instead: budget: \{maxHours: 8\}/s);
});

test("auto-shutdown that nobody set fails, with its bounds", async () => {
  await trips(runOn("paperspaceCore", undefined, {}, { paperspaceCore: {} }), "auto-shutdown-is-set", /it is not set.*paperspaceCore\.autoShutdownHours.*between 60 min and 168 h/s);
});

test("more files than inodes fail before the first is written", async () => {
  await trips(runOn("autodl", set("disk", { bytes: 1, files: 300_000 })), "disk-holds-the-run", /about 300000 files/);
});

test("a snapshot never counts as the copy", async () => {
  await trips(runOn("paperspaceCore", set("durable", { tier: "snapshot" })), "snapshot-is-not-the-only-copy", /the only copy would be .*sources disagree/s);
});

test("candidates in another region than storage that is locked to one fail", async () => {
  const apart = runOn("lambda", (plan) => {
    set("storage", { region: "us-east-1" })(plan);
    set("capacity", { candidates: [{ type: "gpu_1x_a10", region: "us-west-1" }] })(plan);
  });
  await trips(apart, "storage-in-reach", /capacity\.candidates\[0\]: gpu_1x_a10 in us-west-1.*LAM2/s);
});

test("a budget whose hours have no price fails", async () => {
  const unpriced = runOn("lambda", (plan) => {
    set("cost", { hourlySource: "unknown", hourlyUsdBound: null, worstCaseUsd: null })(plan);
    set("capacity", { maxHourlyUsd: null })(plan);
  });
  await trips(unpriced, "cost-within-budget", /nothing bounds the price of an hour/);
});

test("an address or a volume that nobody keeps is a leftover; storage that is kept on purpose is not", async () => {
  const forgotten = runOn("lambda", (plan) => {
    const teardown = plan["teardown"] as { storage: string; deletions: { role: string }[] };
    plan["teardown"] = { ...teardown, storage: "delete", deletions: teardown.deletions.filter(({ role }) => role !== "filesystem") };
  });
  await trips(forgotten, "leftovers-have-an-owner", /file system, per GiB used goes on billing.*delete on filesystem/s);
  const address = runOn("paperspaceCore", (plan) => {
    const teardown = plan["teardown"] as { deletions: { role: string }[] };
    plan["teardown"] = { ...teardown, deletions: teardown.deletions.filter(({ role }) => role !== "publicIp") };
  }, {}, { paperspaceCore: { autoShutdownHours: 24, publicIp: "static" } });
  await trips(address, "leftovers-have-an-owner", /PS1|PS6/);
});
