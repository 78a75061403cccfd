// Can this machine run instances? Asked before the daemon starts, so that the answer is one clean paragraph and not a
// launch that never becomes active.
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../../custody/userError.js";

/** Program, and the Debian/Ubuntu package that brings it. */
const programs = [
  { name: "bwrap", package: "bubblewrap" },
  { name: "sshd", package: "openssh-server", at: "/usr/sbin/sshd" },
  { name: "ssh-keygen", package: "openssh-client" },
  { name: "tmux", package: "tmux", at: "/usr/bin/tmux" },
  { name: "rsync", package: "rsync", at: "/usr/bin/rsync" },
] as const;

/** Throws UserError when a program is missing or user namespaces are switched off. */
export async function checkInstanceSupport(): Promise<void> {
  // Instances see the host's /usr only, so a tmux elsewhere on PATH does not help them.
  const missing = programs.filter((program) => ("at" in program ? !existsSync(program.at) : !isOnPath(program.name)));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => program.package))].join(" ");
    throw new UserError(`The sandbox needs programs that this machine does not have: ${missing.map(({ name }) => name).join(", ")}.`, {
      code: "sandbox-programs-missing",
      next: [`sudo apt-get install ${packages}`],
    });
  }
  const trial = ["--unshare-user", "--unshare-pid", "--uid", "1000", "--gid", "1000", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"];
  try {
    await promisify(execFile)("bwrap", [...trial, "/usr/bin/env", "true"], { timeout: 20_000 });
  } catch (error) {
    throw unsupported(String((error as { stderr?: unknown }).stderr ?? error).trim(), readSetting);
  }
}

/** Exported for its test: which setting is in the way cannot be arranged there. */
export function unsupported(complaint: string, setting: (name: string) => string | undefined): UserError {
  const next: string[] = [];
  if (setting("kernel/unprivileged_userns_clone") === "0") next.push("sudo sysctl -w kernel.unprivileged_userns_clone=1");
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") next.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  if (setting("user/max_user_namespaces") === "0") next.push("sudo sysctl -w user.max_user_namespaces=15000");
  if (next.length === 0) next.push("inside a container: start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or use the host");
  return new UserError(
    `The sandbox runs its instances in unprivileged user namespaces, and this machine does not allow them (bwrap said: ${complaint.split("\n")[0]}).`,
    { code: "sandbox-no-user-namespaces", next },
  );
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(join("/proc/sys", name), "utf8").trim();
  } catch {
    return undefined;
  }
}

function isOnPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
