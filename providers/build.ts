/** People edit index.ts and type `pulumi up`: a compiled copy that is older than its sources must say so, not run. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../custody/userError";

interface StampModule {
  readonly computeStamp: (root: string) => string | null;
  readonly readStamp: (root: string) => string | null;
}

let checked = false;

/** Root of the package: the folder above dist. */
export const packageRoot = resolve(dirname(__filename), "..", "..");

/** Throws when sources are present and differ from what dist was compiled from. Checked once per process. */
export function assertFreshBuild(root: string = packageRoot): void {
  if (checked) return;
  const stampFile = join(root, "toolchain", "stamp.cjs");
  // An installed package carries no sources to be stale against.
  if (!existsSync(join(root, "tsconfig.json")) || !existsSync(stampFile)) return;
  const { computeStamp, readStamp } = createRequire(__filename)(stampFile) as StampModule;
  if (readStamp(root) !== computeStamp(root)) {
    throw new UserError("The compiled program in dist/ is older than its sources; nothing was changed.", {
      code: "stale-build",
      next: ["npm run build, then the same command again (npm run up, preview and destroy do it themselves)"],
    });
  }
  checked = true;
}
