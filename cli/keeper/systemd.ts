/** The systemd user unit that keeps a project's runs while nobody is logged in: templates/holdfast-keeper.service, filled in. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../custody/userError";

export interface UnitOptions {
  readonly root: string;
  readonly runs: readonly string[];
  readonly everySeconds: number;
  readonly env: NodeJS.ProcessEnv;
}

const packageRoot = join(__dirname, "..", "..", "..");
export const templatePath = join(packageRoot, "templates", "holdfast-keeper.service");

/** Where to look for node, ssh, rsync and the engine: as they are found now. Settings that are not secret go along. */
const passedOn = ["PATH", "HOLDFAST_CUSTODY_DIR", "HOLDFAST_SANDBOX_DIR", "PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE"] as const;

export function systemdUnit({ root, runs, everySeconds, env }: UnitOptions): string {
  const program = [process.execPath, join(packageRoot, "dist", "cli", "main.js"), "keeper", ...runs, "--every", `${everySeconds}s`];
  const variables = passedOn.filter((name) => env[name] !== undefined && env[name] !== "").map((name) => `Environment=${quoted(`${name}=${env[name] ?? ""}`, false)}`);
  // %h is the home of whoever runs it; the dash: it may be absent.
  const secrets = "EnvironmentFile=-%h/.config/holdfast/keeper.env";
  return readFileSync(templatePath, "utf8")
    .replaceAll("@ROOT@", () => escapeSpecifiers(root))
    .replace("@EXEC@", () => program.map((word) => quoted(word, true)).join(" "))
    .replace("@ENVIRONMENT@", () => [...variables, secrets].join("\n"));
}

/** One word of a unit's line: percent signs are specifiers there, and dollars are variables in commands alone. Throws UserError for what cannot stand there. */
function quoted(word: string, inCommand: boolean): string {
  if (/[\n\r\0]/.test(word)) throw new UserError("A path with a line break cannot stand in a systemd unit.", { code: "usage" });
  const escaped = escapeSpecifiers(word).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("$", inCommand ? "$$$$" : "$$");
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

const escapeSpecifiers = (text: string): string => text.replaceAll("%", "%%");
