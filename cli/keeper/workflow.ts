/** The scheduled GitHub workflow that keeps a project's runs: templates/holdfast-keeper.yml, filled in. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { UserError } from "../../custody/userError";

const templatePath = join(__dirname, "..", "..", "..", "templates", "holdfast-keeper.yml");

/** `root`: the folder with Pulumi.yaml. Throws UserError `usage` for a name or a path that cannot stand in YAML as it is. */
export function keeperWorkflow({ root, runs }: { readonly root: string; readonly runs: readonly string[] }): string {
  const directory = relative(repositoryOf(root), root) || ".";
  for (const word of [directory, ...runs]) {
    if (!/^[A-Za-z0-9._/-]+$/.test(word)) throw new UserError(`"${word}" cannot stand in a workflow: letters, digits, ".", "_", "/" and "-" can.`, { code: "usage" });
  }
  return readFileSync(templatePath, "utf8").replaceAll("@DIRECTORY@", () => directory).replaceAll("@RUNS@", () => runs.join(" "));
}

/** Upwards, the folder that git checks out; the project's own where there is none. */
function repositoryOf(root: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return root;
  }
}
