// Lambda's regions, as recorded from its API in 2025-11 (us-southeast-1: named by a public report of 2026-07, description not seen).
export interface Region {
  readonly name: string;
  readonly description: string;
}

export const regions: readonly Region[] = [
  { name: "us-east-1", description: "Virginia, USA" },
  { name: "us-east-2", description: "Washington DC, USA" },
  { name: "us-east-3", description: "Washington DC, USA" },
  { name: "us-south-1", description: "Texas, USA" },
  { name: "us-south-2", description: "North Texas, USA" },
  { name: "us-south-3", description: "Central Texas, USA" },
  { name: "us-midwest-1", description: "Illinois, USA" },
  { name: "us-midwest-2", description: "Ohio, USA" },
  { name: "us-west-1", description: "California, USA" },
  { name: "us-west-2", description: "Arizona, USA" },
  { name: "us-west-3", description: "Utah, USA" },
  { name: "us-southeast-1", description: "Southeast, USA" },
  { name: "europe-central-1", description: "Germany" },
  { name: "me-west-1", description: "Israel" },
  { name: "asia-south-1", description: "India" },
  { name: "asia-northeast-1", description: "Osaka, Japan" },
  { name: "asia-northeast-2", description: "Tokyo, Japan" },
  { name: "australia-east-1", description: "Sydney, Australia" },
];

export function findRegion(name: string): Region | undefined {
  return regions.find((region) => region.name === name);
}
