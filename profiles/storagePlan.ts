/** The plan of storage that stands on its own: no cells and no machine; what is left is where it is and how it ends. */
import { sha256Hex } from "../custody/canonical";
import type { RunRef } from "../custody/formats";
import { parseJob } from "./job";
import type { Plan } from "./plan";
import { profileFor } from "./registry";
import { resolve } from "./resolve";
import { parseStackConfig, type StackConfig, type StackConfigInput } from "./stackConfig";

/** What storage needs of a stack's config. */
export interface StorageWishes {
  readonly platform: string;
  /** Instances mount it in this region only. */
  readonly region: string;
  /** Default: derived from the run. */
  readonly name?: string;
  /** What its stack's destroy does with it. */
  readonly onDestroy: "delete" | "keep";
  readonly lambda?: StackConfigInput["lambda"];
}

/** A pure function. Throws ConfigError with every fault of the wishes. */
export function storagePlan(run: RunRef, wishes: StorageWishes, source: string): { readonly plan: Plan; readonly config: StackConfig } {
  const job = { name: run.name, command: "true", resources: { gpu: "none" } } as const;
  const config = parseStackConfig(
    {
      ...{ platform: wishes.platform, job, teardown: { storage: wishes.onDestroy } },
      storage: { create: { region: wishes.region, ...(wishes.name === undefined ? {} : { name: wishes.name }) } },
      ...(wishes.lambda === undefined ? {} : { lambda: wishes.lambda }),
    },
    source,
  );
  const plan = resolve(parseJob(job, source), profileFor(config.platform), { run, config, codeSha256: sha256Hex("") });
  const deletions = plan.teardown.deletions.filter(({ role }) => role === "filesystem");
  return { config, plan: { ...plan, cells: [], environment: {}, clocks: [], warnings: [], teardown: { ...plan.teardown, deletions } } };
}
