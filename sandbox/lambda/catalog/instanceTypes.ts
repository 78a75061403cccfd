// Lambda's instance types with prices in US cents per hour and instance, as recorded from its API on 2026-08-20
// (cpu_4x_general: 2025-11, the later recording does not show it). Memory and storage are GiB.
export interface InstanceType {
  readonly name: string;
  readonly description: string;
  readonly gpu_description: string;
  readonly price_cents_per_hour: number;
  readonly specs: { readonly vcpus: number; readonly memory_gib: number; readonly storage_gib: number; readonly gpus: number };
}

export interface InstanceTypeRow {
  readonly type: InstanceType;
  readonly architecture: "x86_64" | "arm64";
  /** Regions that have capacity unless the knob `capacity` says otherwise. On real Lambda most types have none most of the time. */
  readonly regionsWithCapacity: readonly string[];
}

export const instanceTypes: readonly InstanceTypeRow[] = [
  row("gpu_1x_rtx6000", "RTX 6000 (24 GB)", [14, 46, 512, 1], 69, ["us-south-1"]),
  row("gpu_1x_a10", "A10 (24 GB PCIe)", [30, 200, 1400, 1], 129, ["us-east-1", "us-west-1"]),
  row("gpu_1x_a6000", "A6000 (48 GB)", [14, 100, 200, 1], 109, ["us-south-1"]),
  row("gpu_2x_a6000", "A6000 (48 GB)", [28, 200, 1024, 2], 218, []),
  row("gpu_4x_a6000", "A6000 (48 GB)", [56, 400, 1024, 4], 436, []),
  row("gpu_1x_a100", "A100 (40 GB PCIe)", [30, 200, 512, 1], 199, ["us-east-1", "us-west-2"]),
  row("gpu_1x_a100_sxm4", "A100 (40 GB SXM4)", [30, 200, 512, 1], 199, ["us-east-1", "us-west-2"]),
  row("gpu_2x_a100", "A100 (40 GB PCIe)", [60, 400, 1024, 2], 398, []),
  row("gpu_4x_a100", "A100 (40 GB PCIe)", [120, 800, 1024, 4], 796, []),
  row("gpu_8x_a100", "A100 (40 GB SXM4)", [124, 1800, 6144, 8], 1592, ["us-west-1"]),
  row("gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", [240, 1800, 20480, 8], 2232, []),
  row("gpu_1x_gh200", "GH200 (96 GB)", [64, 432, 4096, 1], 229, ["us-east-3"]),
  row("gpu_1x_h100_pcie", "H100 (80 GB PCIe)", [26, 200, 1024, 1], 329, ["us-west-3"]),
  row("gpu_1x_h100_sxm5", "H100 (80 GB SXM5)", [26, 225, 2816, 1], 429, ["us-south-2", "us-south-3"]),
  row("gpu_2x_h100_sxm5", "H100 (80 GB SXM5)", [52, 450, 5632, 2], 838, []),
  row("gpu_4x_h100_sxm5", "H100 (80 GB SXM5)", [104, 900, 11264, 4], 1636, []),
  row("gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", [208, 1800, 22528, 8], 3192, ["us-south-2"]),
  row("gpu_1x_b200_sxm6", "B200 (180 GB SXM6)", [26, 360, 2816, 1], 699, []),
  row("gpu_2x_b200_sxm6", "B200 (180 GB SXM6)", [52, 720, 5632, 2], 1378, []),
  row("gpu_8x_b200_sxm6", "B200 (180 GB SXM6)", [208, 2900, 22528, 8], 5352, []),
  row("gpu_8x_v100", "Tesla V100 (16 GB)", [92, 448, 6041, 8], 632, []),
  row("gpu_8x_v100_n", "Tesla V100 (16 GB)", [88, 448, 6041, 8], 632, []),
  row("cpu_4x_general", "N/A", [4, 16, 100, 0], 20, ["us-east-1", "us-west-1", "us-west-2"]),
];

export function findInstanceType(name: string): InstanceTypeRow | undefined {
  return instanceTypes.find((row) => row.type.name === name);
}

function row(
  name: string,
  gpu: string,
  [vcpus, memory_gib, storage_gib, gpus]: readonly [number, number, number, number],
  price_cents_per_hour: number,
  regionsWithCapacity: readonly string[],
): InstanceTypeRow {
  const description = gpus === 0 ? `${vcpus}x CPU General` : `${gpus}x ${gpu}`;
  return {
    type: { name, description, gpu_description: gpu, price_cents_per_hour, specs: { vcpus, memory_gib, storage_gib, gpus } },
    architecture: name.includes("gh200") ? "arm64" : "x86_64",
    regionsWithCapacity,
  };
}
