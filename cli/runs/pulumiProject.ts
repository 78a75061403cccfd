/** A Pulumi project on disk: its name and the stacks that have config. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { UserError } from "../../custody/userError";

/** Stacks that have a config file. */
export function configuredStacks(projectRoot: string): string[] {
  return readdirSync(projectRoot)
    .map((name) => /^Pulumi\.(.+)\.ya?ml$/.exec(name)?.[1])
    .filter((stack) => stack !== undefined)
    .sort();
}

export function projectName(projectRoot: string): string {
  const value = readYaml(join(projectRoot, "Pulumi.yaml")) as { name?: unknown } | null;
  if (typeof value?.name !== "string") throw new UserError(`${join(projectRoot, "Pulumi.yaml")} has no name.`, { code: "config" });
  return value.name;
}

/** Throws UserError with the first fault and its line. */
export function readYaml(path: string): unknown {
  const document = parseDocument(readFileSync(path, "utf8"));
  const [fault] = document.errors;
  if (fault) throw new UserError(`${path} is not valid YAML: ${fault.message.split("\n")[0]}`, { code: "config" });
  return document.toJS() as unknown;
}
