/** Which shared store a stack's config names; read from the files, since a destroy runs no program that could tell. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import { UserError } from "../../custody/userError";
import type { SharedStore } from "../../profiles";
import { parseCustodyConfig, sharedStoreOf } from "../../profiles";

/**
 * HOLDFAST_CUSTODY_STORE (`none`: do not share), else `holdfast:custody` of Pulumi.<stack>.yaml, else its `value` in the project's
 * Pulumi.yaml. null: nothing is shared. Throws ConfigError, or UserError for a file that is not YAML.
 */
export function sharedStoreOfStack(projectRoot: string, stack: string, env: NodeJS.ProcessEnv = process.env): SharedStore | null {
  const block = custodyBlock(projectRoot, stack);
  const given = env["HOLDFAST_CUSTODY_STORE"];
  if (given === undefined || given === "") return sharedStoreOf(parseCustodyConfig(block.value, block.source));
  if (given === "none") return null;
  const { endpoint, region, profile, keyFile } = (block.value ?? {}) as Record<string, unknown>;
  const besides = given.startsWith("s3://") ? { endpoint, region, profile } : given.startsWith("ssh://") ? { keyFile } : {};
  const defined = Object.fromEntries(Object.entries(besides).filter(([, value]) => value !== undefined));
  return sharedStoreOf(parseCustodyConfig({ store: given, ...defined }, "HOLDFAST_CUSTODY_STORE"));
}

const KEY = "holdfast:custody";

function custodyBlock(projectRoot: string, stack: string): { value: unknown; source: string } {
  for (const name of [`Pulumi.${stack}.yaml`, `Pulumi.${stack}.yml`]) {
    const path = join(projectRoot, name);
    const own = configIn(path)?.[KEY];
    if (own !== undefined) return { value: own, source: name };
  }
  for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
    // A project's own config holds keys of other namespaces under `value` (Pulumi, project file reference).
    const shared = configIn(join(projectRoot, name))?.[KEY] as { value?: unknown } | undefined;
    if (shared?.value !== undefined) return { value: shared.value, source: name };
  }
  return { value: undefined, source: `Pulumi.${stack}.yaml` };
}

function configIn(path: string): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  if (!text.includes(KEY)) return undefined;
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault !== undefined) throw new UserError(`${basename(path)} is not valid YAML: ${fault.message.split("\n")[0]}`, { code: "config" });
  return (document.toJS() as { config?: Record<string, unknown> } | null)?.config;
}
