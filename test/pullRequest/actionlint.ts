/** What GitHub would say of a workflow. */
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";

const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

/** `skipped`: why it could not be run here. */
export function actionlint(files: readonly string[]): { readonly code: number | null; readonly output: string } | { readonly skipped: string } {
  // Outside of the project, so that no module of ours is looked for.
  const found = spawnSync("go", ["run", ACTIONLINT, "-shellcheck=", "-pyflakes=", ...files], { cwd: tmpdir(), encoding: "utf8" });
  if (found.error !== undefined) return { skipped: "actionlint was not run: there is no Go here" };
  if (/\b(dial tcp|no such host|i\/o timeout|proxyconnect|connection refused)\b/.test(found.stderr)) return { skipped: "actionlint was not run: the Go module mirror does not answer" };
  return { code: found.status, output: `${found.stdout}${found.stderr}` };
}
