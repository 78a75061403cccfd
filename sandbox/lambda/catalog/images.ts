// Lambda's images: one row per image, architecture and region, the id repeating over the regions. Families, names and versions as
// recorded in 2025-11; the ids are this sandbox's own.
import { regions, type Region } from "./regions.js";

export interface Image {
  readonly id: string;
  readonly created_time: string;
  readonly updated_time: string;
  readonly name: string;
  readonly description: string;
  readonly family: string;
  readonly version: string;
  readonly architecture: "x86_64" | "arm64";
  readonly region: Region;
}

interface ImageSource {
  readonly id: string;
  readonly family: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: "x86_64" | "arm64";
  readonly description?: string;
  /** Every region when absent. */
  readonly only?: readonly string[];
}

const sources: readonly ImageSource[] = [
  { id: "1f6a2c0e-5d1b-4b7e-9c55-0a6b8f1d2401", family: "lambda-stack-24-04", name: "Lambda Stack 24.04", version: "24.4.2-1459", architecture: "x86_64" },
  { id: "1f6a2c0e-5d1b-4b7e-9c55-0a6b8f1d2402", family: "lambda-stack-24-04", name: "Lambda Stack 24.04", version: "24.4.2-1459", architecture: "arm64", only: ["us-east-3"] },
  { id: "1f6a2c0e-5d1b-4b7e-9c55-0a6b8f1d2201", family: "lambda-stack-22-04", name: "Lambda Stack 22.04", version: "22.4.5-1459", architecture: "x86_64" },
  { id: "1f6a2c0e-5d1b-4b7e-9c55-0a6b8f1d2202", family: "lambda-stack-22-04", name: "Lambda Stack 22.04", version: "22.4.5-1459", architecture: "arm64", only: ["us-east-3"] },
  { id: "3c0d9b52-7f34-4a86-8f0e-64f1b7a02401", family: "gpu-base-24-04", name: "GPU Base 24.04", version: "24.4.2-1459", architecture: "x86_64" },
  { id: "3c0d9b52-7f34-4a86-8f0e-64f1b7a02201", family: "gpu-base-22-04", name: "GPU Base 22.04", version: "22.4.5-1459", architecture: "x86_64" },
  { id: "8b7e41d6-20c9-4d3f-a1b4-95d30e6c2401", family: "ubuntu-24-04", name: "Ubuntu 24.04.2 LTS", version: "24.4.2-20250626", architecture: "x86_64" },
  { id: "8b7e41d6-20c9-4d3f-a1b4-95d30e6c2201", family: "ubuntu-22-04", name: "Ubuntu 22.04.5 LTS", version: "22.4.5-20250702", architecture: "x86_64" },
  {
    ...{ id: "c5a9f3b8-6e12-4f70-b2d7-1e48a90d2203", family: "lambda-stack-legacy-22-04", name: "Lambda Stack 22.04 (legacy)", version: "22.4.5-1026" },
    ...{ architecture: "x86_64", description: "for V100s", only: ["us-south-1", "us-south-2"] },
  },
];

export const images: readonly Image[] = sources.flatMap(({ only, description, ...image }) =>
  regions
    .filter(({ name }) => !only || only.includes(name))
    .map((region) => ({
      ...{ ...image, description: description ?? image.name, region },
      ...{ created_time: "2025-11-13T19:45:33.104000+00:00", updated_time: "2025-11-13T19:45:33.104000+00:00" },
    })),
);

/** The image a launch without `image` gets. The default differs by region: us-east-1 22.04 was seen live. */
export function defaultImage(region: string, architecture: Image["architecture"]): Image | undefined {
  return findImage({ family: region === "us-east-1" ? "lambda-stack-22-04" : "lambda-stack-24-04" }, region, architecture);
}

export function findImage(wanted: { id: string } | { family: string }, region: string, architecture: Image["architecture"]): Image | undefined {
  const matches = (image: Image): boolean => ("id" in wanted ? image.id === wanted.id : image.family === wanted.family);
  return images.find((image) => matches(image) && image.region.name === region && image.architecture === architecture);
}
