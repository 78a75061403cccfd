/** Chapters 5 to 10: refused, pulled and proven, refused again, approved, destroyed, audited. */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { UserError } from "../../custody/userError";
import { renderMeter } from "../commands/sandbox";
import { renderLedger } from "../render/ledger";
import { formatUsd, plural } from "../render/units";
import type { Demo } from "./demo";
import { runName, runOf } from "./demo";
import { expect, tail } from "./expect";
import { showEssentials } from "./provision";
import { refusalIn } from "./pulumiOutput";
import { countOf, idsOf } from "./vendor";
import { readIfThere } from "./world";

export async function refusedWithoutReceipt(demo: Demo): Promise<void> {
  demo.narrator.heading("Destroy it now? Refused");
  demo.narrator.say("Training is over and the machine bills. Somebody types the obvious command.");
  const refusal = await destroyRefused(demo, "destroy before the pull");
  expect("destroy before the pull", "a refusal that names the missing pull", /holdfast pull/.test(refusal), refusal);
}

export async function pullAndVerify(demo: Demo): Promise<void> {
  const { narrator, world, plan } = demo;
  const step = "pull";
  narrator.heading("Pull, compare every byte, load every checkpoint");
  narrator.command("holdfast pull");
  const pulled = await narrator.during("pulling", world.holdfast("pull", runName(demo), "--to", world.artifacts));
  expect(step, "exit code 0", pulled.exitCode === 0, tail(pulled.output));
  narrator.output(pulled.stdout);
  const accuracies = plan.cells.map(({ name }) => accuracyOf(join(world.artifacts, "cells", name, "metrics.json")));
  const best = Math.max(...accuracies.map((accuracy) => accuracy ?? 0));
  expect(step, "a test accuracy above 0.9", best > 0.9, `accuracies ${accuracies.map((accuracy) => accuracy ?? "unknown").join(", ")}`);
  narrator.say("And once more, offline, from what lies on this disk:");
  narrator.command("holdfast verify");
  const verified = await narrator.during("verifying", world.holdfast("verify", runName(demo)));
  expect(step, "exit code 0 of holdfast verify", verified.exitCode === 0, tail(verified.output));
  narrator.output(verified.stdout.trimEnd().split("\n").at(-1) ?? "");
  narrator.good(`The best cell reads digits it never saw with ${(best * 100).toFixed(1)} % accuracy, and its checkpoint is here.`);
}

export async function refusedWithoutApproval(demo: Demo): Promise<void> {
  demo.narrator.heading("Destroy it now? Refused again");
  demo.narrator.say("The data is safe. But nobody has said yet that this machine and this file system may go.");
  const refusal = await destroyRefused(demo, "destroy before the approval");
  expect("destroy before the approval", "a refusal that names the missing approval", /holdfast approve/.test(refusal) && !/holdfast pull/.test(refusal), refusal);
}

export async function approve(demo: Demo): Promise<void> {
  const { narrator, world } = demo;
  narrator.heading("A person approves this very loss");
  const name = runOf(demo).view().resources.get("instance")?.name;
  if (name === undefined) throw new UserError("The ledger knows no instance.", { code: "not-found" });
  narrator.say("On a terminal it asks for the instance's name; a script gives it.");
  narrator.command(`holdfast approve --confirm ${name}`);
  const approved = await narrator.during("looking at machine, tier and receipts", world.holdfast("approve", runName(demo), "--confirm", name));
  expect("approve", "exit code 0", approved.exitCode === 0, tail(approved.output));
  narrator.output(approved.stdout);
}

export async function destroy(demo: Demo): Promise<void> {
  const { narrator, world } = demo;
  const step = "destroy";
  narrator.heading("Destroy: allowed, and confirmed gone");
  narrator.command("pulumi destroy --stack demo");
  const destroyed = await narrator.during("the engine is destroying", world.pulumi("destroy", showEssentials(demo)));
  expect(step, "exit code 0", destroyed.exitCode === 0, tail(destroyed.output));
  const left = await world.vendor.listed();
  expect(step, "no instance, no file system, no key at the vendor", countOf(left) === 0, idsOf(left));
  narrator.good("Asked at the vendor itself: no instance, no file system, no key.");
}

export async function audit(demo: Demo): Promise<void> {
  const { narrator, world } = demo;
  const step = "audit";
  narrator.heading("What bills now, and what the record says");
  narrator.command("holdfast audit");
  const audited = await narrator.during("asking the vendor", world.holdfast("audit", runName(demo)));
  expect(step, "exit code 0 of holdfast audit", audited.exitCode === 0, tail(audited.output));
  narrator.output(audited.stdout);
  narrator.command("holdfast sandbox meter");
  const meter = await world.vendor.meter();
  expect(step, "nothing on the vendor's meter", meter.billing.length === 0, meter.billing.map((entry) => `${entry.kind} ${entry.name}`).join(", "));
  narrator.output(renderMeter({ paint: narrator.paint, width: narrator.width - 2 }, meter));
  if (meter.timeScale !== 1) narrator.say(`(The meter counts the vendor's time, which runs ${meter.timeScale} times as fast as the clock that the audit goes by.)`);
  const run = runOf(demo);
  const entries = run.entries();
  narrator.command("holdfast ledger");
  narrator.output(renderLedger(entries, { paint: narrator.paint, width: narrator.width - 2 }));
  expect(step, "a ledger that the audit closed", run.view().auditClosed !== null, `last entry ${entries.at(-1)?.kind ?? "none"}`);
  const evidence = world.keepEvidence(runName(demo));
  const here = (path: string): string => relative(process.cwd(), path) || ".";
  narrator.good(`${plural(entries.length, "entry", "entries")}, each sealed by the hash of the one before; ${formatUsd(meter.totalUsd)} would have been billed.`);
  narrator.say(`Artifacts: ${here(world.artifacts)} (${readdirSync(join(world.artifacts, "cells")).join(", ")})`);
  narrator.say(`Evidence:  ${here(evidence)}`);
}

/** Tries the destroy, shows the paragraph, and asks the vendor whether anything is missing. Returns the refusal. */
async function destroyRefused(demo: Demo, step: string): Promise<string> {
  const { narrator, world } = demo;
  const before = await world.vendor.listed();
  const requests = await world.vendor.destructiveRequests();
  narrator.command("pulumi destroy --stack demo");
  const tried = await narrator.during("the engine asks the gate", world.pulumi("destroy"));
  const refusal = refusalIn(tried.output);
  expect(step, "a refusal", tried.exitCode !== 0 && refusal !== null, `exit code ${tried.exitCode}\n${tail(tried.output)}`);
  expect(step, "one clean paragraph without a stack trace", !/^\s+at .*:\d+:\d+\)?$/m.test(tried.output), tail(tried.output));
  narrator.output(narrator.paint("bad", refusal.split("\n")[0] ?? "") + refusal.slice(refusal.indexOf("\n") === -1 ? refusal.length : refusal.indexOf("\n")));
  const after = await world.vendor.listed();
  expect(step, "everything to stand as before", idsOf(after) === idsOf(before) && countOf(after) > 0, `before: ${idsOf(before)}; after: ${idsOf(after)}`);
  const asked = (await world.vendor.destructiveRequests()) - requests;
  expect(step, "no terminate or delete request at the vendor", asked === 0, `${asked} such requests`);
  narrator.good(`Nothing was deleted: ${plural(after.instances.length, "instance")}, ${plural(after.filesystems.length, "file system")} and ${plural(after.keys.length, "key")} stand; no delete ever reached the vendor.`);
  return refusal;
}

function accuracyOf(path: string): number | null {
  const text = readIfThere(path);
  if (text === null) return null;
  const metrics = JSON.parse(text) as Record<string, unknown>;
  const key = Object.keys(metrics).find((name) => /test.*acc|acc.*test/i.test(name)) ?? Object.keys(metrics).find((name) => /accuracy/i.test(name));
  const value = key === undefined ? undefined : metrics[key];
  return typeof value === "number" ? value : null;
}
