/**
 * Lambda's instance types and prices as they were listed in one month. Only for bounds computed without the network;
 * a launch always uses what the API says.
 */
import type { Offer, PriceTable } from "./planning/offer";

const X86 = "x86_64";

/** type, GPU, GPU memory in GiB, vCPUs, memory in GiB, disk in GiB, GPUs, US cents per hour and instance. */
type Row = readonly [string, string | null, number, number, number, number, number, number];

const rows: readonly Row[] = [
  ["gpu_1x_rtx6000", "RTX 6000", 24, 14, 46, 512, 1, 69],
  ["gpu_1x_a10", "A10", 24, 30, 200, 1400, 1, 129],
  ["gpu_1x_a6000", "A6000", 48, 14, 100, 200, 1, 109],
  ["gpu_2x_a6000", "A6000", 48, 28, 200, 1024, 2, 218],
  ["gpu_4x_a6000", "A6000", 48, 56, 400, 1024, 4, 436],
  ["gpu_1x_a100", "A100", 40, 30, 200, 512, 1, 199],
  ["gpu_1x_a100_sxm4", "A100", 40, 30, 200, 512, 1, 199],
  ["gpu_2x_a100", "A100", 40, 60, 400, 1024, 2, 398],
  ["gpu_4x_a100", "A100", 40, 120, 800, 1024, 4, 796],
  ["gpu_8x_a100", "A100", 40, 124, 1800, 6144, 8, 1592],
  ["gpu_8x_a100_80gb_sxm4", "A100", 80, 240, 1800, 20480, 8, 2232],
  ["gpu_1x_gh200", "GH200", 96, 64, 432, 4096, 1, 229],
  ["gpu_1x_h100_pcie", "H100", 80, 26, 200, 1024, 1, 329],
  ["gpu_1x_h100_sxm5", "H100", 80, 26, 225, 2816, 1, 429],
  ["gpu_2x_h100_sxm5", "H100", 80, 52, 450, 5632, 2, 838],
  ["gpu_4x_h100_sxm5", "H100", 80, 104, 900, 11264, 4, 1636],
  ["gpu_8x_h100_sxm5", "H100", 80, 208, 1800, 22528, 8, 3192],
  ["gpu_1x_b200_sxm6", "B200", 180, 26, 360, 2816, 1, 699],
  ["gpu_2x_b200_sxm6", "B200", 180, 52, 720, 5632, 2, 1378],
  ["gpu_8x_b200_sxm6", "B200", 180, 208, 2900, 22528, 8, 5352],
  ["gpu_8x_v100", "Tesla V100", 16, 92, 448, 6041, 8, 632],
  ["gpu_8x_v100_n", "Tesla V100", 16, 88, 448, 6041, 8, 632],
  // No longer listed in 2026-08; the price is that of 2025-11.
  ["cpu_4x_general", null, 0, 4, 16, 100, 0, 20],
];

const offer = ([type, gpu, gpuMemoryGiB, cpus, memoryGiB, diskGiB, gpus, cents]: Row): Offer => ({
  type,
  gpu,
  gpus,
  gpuMemoryGiB: gpu === null ? null : gpuMemoryGiB,
  cpus,
  memoryGiB,
  diskGiB,
  architecture: type === "gpu_1x_gh200" ? "arm64" : X86,
  hourlyUsd: cents / 100,
});

/** Recorded from GET /instance-types on 2026-08-20 by a public project. */
export const lambdaPrices: PriceTable = { platform: "lambda", month: "2026-08", offers: rows.map(offer) };
