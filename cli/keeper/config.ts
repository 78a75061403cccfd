/** What the stack's own config file says of the keeper. Never the ledger: it may be a copy that others could write to. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { collectStackConfig, parseStackConfig } from "../../profiles";
import { keeperConfigSchema, type KeeperConfig } from "../../profiles/input/keeperConfig";
import { projectName, readYaml } from "../runs/pulumiProject";
import { flatConfig } from "../runs/stackPlan";

/** Defaults for a stack without a config file (its program may hold everything). Throws UserError with every fault of the file. */
export function keeperConfigOf(projectRoot: string, stack: string): KeeperConfig {
  const path = join(projectRoot, `Pulumi.${stack}.yaml`);
  if (!existsSync(path)) return keeperConfigSchema.parse({});
  const raw = collectStackConfig(flatConfig(readYaml(path), projectName(projectRoot)));
  // A program may say all but this in its own words; then only this part can be held against anything.
  if (!("platform" in raw)) return keeperConfigSchema.parse(raw["keeper"] ?? {});
  return parseStackConfig(raw, basename(path)).keeper;
}
