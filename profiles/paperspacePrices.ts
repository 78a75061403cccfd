/** Paperspace's machine types and prices as they were listed in one month. Only for bounds computed without the network. */
import type { Offer, PriceTable } from "./planning/offer";

/** type, GPU, GPU memory in GiB, vCPUs, memory in GiB, GPUs, USD per hour and machine. */
type Row = readonly [string, string | null, number, number, number, number, number];

const rows: readonly Row[] = [
  ["C1", null, 0, 1, 0.5, 0, 0.0045],
  ["C3", null, 0, 2, 2, 0, 0.018],
  ["C4", null, 0, 2, 4, 0, 0.04],
  ["C5", null, 0, 4, 8, 0, 0.08],
  ["C6", null, 0, 8, 16, 0, 0.16],
  ["C7", null, 0, 12, 30, 0, 0.3],
  ["C8", null, 0, 16, 60, 0, 0.6],
  ["C9", null, 0, 24, 120, 0, 0.9],
  ["C10", null, 0, 32, 244, 0, 1.6],
  ["GPU+", "M4000", 8, 8, 30, 1, 0.45],
  ["P4000", "P4000", 8, 8, 30, 1, 0.51],
  ["P4000x2", "P4000", 8, 16, 60, 2, 1.02],
  ["P5000", "P5000", 16, 8, 30, 1, 0.78],
  ["P6000", "P6000", 24, 8, 30, 1, 1.1],
  ["RTX4000", "RTX 4000", 8, 8, 30, 1, 0.56],
  ["RTX5000", "RTX 5000", 16, 8, 30, 1, 0.82],
  ["A4000", "A4000", 16, 8, 45, 1, 0.76],
  ["A4000x2", "A4000", 16, 16, 90, 2, 1.52],
  ["A4000x4", "A4000", 16, 32, 180, 4, 3.04],
  ["A5000", "A5000", 24, 8, 45, 1, 1.38],
  ["A6000", "A6000", 48, 8, 45, 1, 1.89],
  ["V100", "V100", 16, 8, 30, 1, 2.3],
  ["V100-32G", "V100", 32, 8, 30, 1, 2.3],
  ["V100-32Gx2", "V100", 32, 16, 60, 2, 4.6],
  ["V100-32Gx4", "V100", 32, 32, 120, 4, 9.2],
  ["A100", "A100", 40, 12, 90, 1, 3.09],
  ["A100-80G", "A100", 80, 12, 90, 1, 3.18],
  ["A100-80Gx8", "A100", 80, 96, 720, 8, 25.44],
  ["H100", "H100", 80, 20, 250, 1, 5.95],
  ["H100x8", "H100", 80, 128, 2048, 8, 47.6],
];

/** The disk is chosen per machine, so no type has one of its own: 50 GB is the least. */
const offer = ([type, gpu, gpuMemoryGiB, cpus, memoryGiB, gpus, hourlyUsd]: Row): Offer => ({
  type,
  gpu,
  gpus,
  gpuMemoryGiB: gpu === null ? null : gpuMemoryGiB,
  cpus,
  memoryGiB,
  diskGiB: 46,
  architecture: "x86_64",
  hourlyUsd,
});

/** docs.digitalocean.com/products/paperspace/pricing as of its edit in 2025-11; CPUs and memory of several-GPU types are multiples of the single one. */
export const paperspacePrices: PriceTable = { platform: "paperspaceCore", month: "2025-11", offers: rows.map(offer) };
