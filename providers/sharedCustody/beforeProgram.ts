/** Brings the store here up to the shared place before a program decides anything by its ledgers. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { custodyRootOf } from "../../custody/store";
import { UserError } from "../../custody/userError";
import { sharedStoreOfStack } from "./settings";

/**
 * Lines for the person. Without a shared store there is nothing to do, and no process is started. Throws UserError when the store
 * cannot be asked and there is none here yet: an own one would be another, under another id.
 */
export function fetchBeforeProgram(projectRoot: string, project: string, stack: string): string[] {
  if (sharedStoreOfStack(projectRoot, stack) === null) return [];
  const result = spawnSync(process.execPath, [join(__dirname, "fetchMain.js"), projectRoot, project, stack], { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "pipe"] });
  const said = result.stdout.split("\n").filter((line) => line !== "");
  if (result.status === 0) return said;
  const why = result.stderr.trim() || (result.error?.message ?? `it ended with ${result.signal ?? result.status}`);
  const stands = existsSync(join(custodyRootOf(projectRoot), "custody.json"));
  if (result.status === 5 && stands) return [...said, `WARNING: the shared custody store could not be asked: ${why}`];
  throw new UserError(`The shared custody store of stack ${stack} could not be taken over: ${why}`, {
    code: "shared-store-unknown", next: ["the same command again when it answers", "holdfast doctor"],
  });
}
