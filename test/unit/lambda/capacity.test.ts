/** The choice of what to launch where: never in a region that cannot mount the file system, never above the price. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CapacityRequest, Requirement } from "../../../providers/lambda/capacity";
import { chooseCapacity, gpuMemory, isStillAllowed, shortfall, specsOf } from "../../../providers/lambda/capacity";
import type { OfferedType } from "../../../providers/lambda/api/types";

const offer = (name: string, gpu: string, cents: number, gpus: number, regions: readonly string[], memory = 200): OfferedType => ({
  type: { name, description: name, gpu_description: gpu, price_cents_per_hour: cents, specs: { gpus, vcpus: 30, memory_gib: memory, storage_gib: 1000 } },
  regions,
});
const offers = [
  offer("gpu_1x_a100_sxm4", "A100 (40 GB SXM4)", 199, 1, ["us-west-2"]),
  offer("gpu_1x_a10", "A10 (24 GB PCIe)", 129, 1, ["us-east-1", "us-west-2"]),
  offer("gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", 2232, 8, ["us-east-1"], 1800),
  offer("gpu_1x_gh200", "GH200 (96 GB)", 99, 1, ["us-east-1"], 432),
  offer("gpu_8x_v100", "Tesla V100 (16 GB)", 632, 8, []),
  offer("gpu_1x_rtx6000", "RTX 6000 (24 GB)", 69, 1, []),
  offer("cpu_4x_general", "N/A", 20, 0, ["us-east-1"], 16),
];
const nothing: Requirement = { gpu: null, cpus: null, memoryGiB: null, diskGiB: null };
const gpu = (names: readonly string[], count = 1, memoryGiB: number | null = null): Requirement => ({ ...nothing, gpu: { names, count, memoryGiB } });
const ask = (change: Partial<CapacityRequest>) => chooseCapacity(offers, { candidates: [], requirement: nothing, region: null, maxHourlyUsd: null, ...change });

test("candidates are tried in the user's order, not by price", () => {
  const { available } = ask({ candidates: [{ type: "gpu_1x_a100_sxm4", region: null }, { type: "gpu_1x_a10", region: null }] });
  assert.deepEqual(available.map(({ type, region }) => `${type} ${region}`), ["gpu_1x_a100_sxm4 us-west-2", "gpu_1x_a10 us-east-1", "gpu_1x_a10 us-west-2"]);
});

test("nothing is chosen outside the file system's region; what there is elsewhere is told", () => {
  const choices = ask({ candidates: [{ type: "gpu_1x_a100_sxm4", region: null }], region: "us-east-1" });
  assert.deepEqual(choices.available, []);
  assert.deepEqual(choices.awaited, ["gpu_1x_a100_sxm4"]);
  assert.deepEqual(choices.elsewhere, [{ type: "gpu_1x_a100_sxm4", region: "us-west-2", hourlyUsd: 1.99 }]);
});

test("a candidate pinned to another region than the file system's can never serve", () => {
  const { excluded, awaited } = ask({ candidates: [{ type: "gpu_1x_a10", region: "us-west-2" }], region: "us-east-1" });
  assert.deepEqual(awaited, []);
  assert.match(excluded[0]?.why ?? "", /file system is in us-east-1/);
});

test("a price above the limit excludes, also a candidate that was named", () => {
  const { available, excluded } = ask({ candidates: [{ type: "gpu_1x_a100_sxm4", region: null }, { type: "gpu_1x_a10", region: null }], maxHourlyUsd: 1.5 });
  assert.deepEqual(new Set(available.map(({ type }) => type)), new Set(["gpu_1x_a10"]));
  assert.match(excluded[0]?.why ?? "", /\$1\.99\/h, at most \$1\.50\/h/);
});

test("a type that Lambda does not have is said to be unknown instead of being waited for", () => {
  const { excluded, awaited } = ask({ candidates: [{ type: "gpu_1x_a11", region: null }] });
  assert.deepEqual([awaited, excluded], [[], [{ candidate: "gpu_1x_a11", why: "Lambda lists no such type" }]]);
});

test("without candidates the cheapest type that fits comes first, and one without capacity is awaited", () => {
  const choices = ask({ requirement: gpu([]) });
  assert.equal(choices.available[0]?.type, "gpu_1x_a10");
  assert.deepEqual(choices.awaited, ["gpu_1x_rtx6000", "gpu_8x_v100"]);
});

test("an arm64 machine is not taken because it is cheap, only when it is asked for", () => {
  assert.ok(!ask({ requirement: gpu([]) }).available.some(({ type }) => type === "gpu_1x_gh200"));
  assert.equal(ask({ requirement: gpu(["GH200"]) }).available[0]?.type, "gpu_1x_gh200");
  assert.equal(ask({ candidates: [{ type: "gpu_1x_gh200", region: null }] }).available[0]?.type, "gpu_1x_gh200");
});

test("GPU names match whole words in any spelling: an A10 is not an A100", () => {
  const types = (name: string): string[] => [...new Set([...ask({ requirement: gpu([name]) }).available, ...ask({ requirement: gpu([name]) }).awaited.map((type) => ({ type }))].map(({ type }) => type))];
  assert.deepEqual(types("A10"), ["gpu_1x_a10"]);
  assert.deepEqual(types("a100"), ["gpu_1x_a100_sxm4", "gpu_8x_a100_80gb_sxm4"]);
  assert.deepEqual(types("A100-80GB"), ["gpu_8x_a100_80gb_sxm4"]);
  assert.deepEqual(types("V100"), ["gpu_8x_v100"]);
  assert.deepEqual(types("RTX6000"), ["gpu_1x_rtx6000"]);
  assert.deepEqual(types("H100"), []);
  assert.deepEqual(types(""), [], "an empty name asks for nothing in particular and must not match everything");
});

test("lower bounds exclude what is smaller: count, GPU memory, CPUs, memory, disk", () => {
  const a10 = specsOf(offers[1] as OfferedType);
  assert.match(shortfall(a10, gpu(["A10"], 2)) ?? "", /1 GPU, 2 asked/);
  assert.match(shortfall(a10, gpu([], 1, 40)) ?? "", /24 GB, 40 asked/);
  assert.match(shortfall({ ...a10, gpuDescription: "A10" }, gpu([], 1, 1)) ?? "", /not stated/);
  assert.match(shortfall(a10, { ...nothing, cpus: 31 }) ?? "", /30 CPUs/);
  assert.match(shortfall(a10, { ...nothing, memoryGiB: 201 }) ?? "", /200 GiB of memory/);
  assert.match(shortfall(a10, { ...nothing, diskGiB: 1001 }) ?? "", /1000 GiB of disk/);
  assert.equal(shortfall(a10, { gpu: { names: ["a10"], count: 1, memoryGiB: 24 }, cpus: 30, memoryGiB: 200, diskGiB: 1000 }), null);
});

test("GPU memory is read from the description, which is the only place that has it", () => {
  assert.equal(gpuMemory("B200 (180 GB SXM6)"), 180);
  assert.equal(gpuMemory("N/A"), null);
});

test("a standing instance is judged by the candidates and bounds of today", () => {
  const current = { specs: specsOf(offers[1] as OfferedType), region: "us-east-1" };
  assert.equal(isStillAllowed(current, [], gpu(["A10"])), true);
  assert.equal(isStillAllowed(current, [{ type: "gpu_1x_a10", region: "us-west-2" }], nothing), false);
  assert.equal(isStillAllowed(current, [{ type: "gpu_1x_a100_sxm4", region: null }], nothing), false);
  assert.equal(isStillAllowed(current, [], gpu(["A100"])), false);
});
