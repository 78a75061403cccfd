// The command line of one instance: the host's /usr read-only, everything else its own, no root needed.
// The arguments travel through a file descriptor, so that `ps` inside the guest does not show the host's paths.
import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { InstanceLayout } from "../layout.js";
import { guestPath, guestUser } from "./guest.js";
import type { Machine } from "./machine.js";

/** Environment name under which the tag of an instance stays visible in bubblewrap's own command line. */
const tagVariable = "HOLDFAST_SANDBOX_MACHINE";

/** Words before the hidden arguments; `tag` lets a later daemon recognise the process as this sandbox's. */
export function visibleArguments(tag: string, argumentsFd: number, statusFd: number): string[] {
  return ["--args", String(argumentsFd), "--json-status-fd", String(statusFd), "--setenv", tagVariable, tag];
}

export const guestCommand = ["--", "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config"] as const;

/** NUL-separated, as `--args` reads them. */
export function hiddenArguments(machine: Machine, layout: InstanceLayout, fileSystemDir: (id: string) => string): string {
  const words = [
    ...["--unshare-user", "--unshare-pid", "--unshare-uts", "--unshare-ipc", "--unshare-cgroup-try"],
    ...["--hostname", machine.hostname, "--uid", String(guestUser.uid), "--gid", String(guestUser.gid)],
    ...["--clearenv", "--setenv", "PATH", guestPath, "--setenv", "LANG", "C.UTF-8"],
    ...["--tmpfs", "/", ...borrowHostPrograms(layout)],
    ...["--ro-bind", join(layout.guest, "etc"), "/etc", ...borrowHostConfiguration()],
    ...["--proc", "/proc", "--ro-bind", join(layout.guest, "boot_id"), "/proc/sys/kernel/random/boot_id"],
    ...["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/run/sshd"],
    ...["--bind", join(layout.disk, "var"), "/var", "--bind", join(layout.disk, "home"), guestUser.home],
    ...machine.mounts.flatMap((mount) => ["--bind", fileSystemDir(mount.fileSystemId), mount.mountPoint]),
    ...["--remount-ro", "/", "--chdir", "/"],
  ];
  return words.map((word) => `${word}\0`).join("");
}

/** /usr of the host, without what it may hold of the host's own: local programs, sources, a home or a project. */
function borrowHostPrograms(layout: InstanceLayout): string[] {
  const words = ["--ro-bind", "/usr", "/usr"];
  for (const path of [homedir(), process.cwd(), "/usr/src"]) {
    const real = existsSync(path) ? realpathSync(path) : path;
    if (real.startsWith("/usr/") && existsSync(real)) words.push("--tmpfs", real);
  }
  if (existsSync("/usr/local")) words.push("--ro-bind", join(layout.guest, "local"), "/usr/local");
  for (const name of ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]) {
    const path = `/${name}`;
    if (!existsSync(path)) continue;
    // Merged /usr: the top-level names are links into it.
    if (lstatSync(path).isSymbolicLink()) words.push("--symlink", readlinkSync(path), path);
    else words.push("--ro-bind", path, path);
  }
  return words;
}

/** Library lookup, name resolution and certificates: no secrets among them. */
function borrowHostConfiguration(): string[] {
  return ["alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "resolv.conf", "ssl/certs"].flatMap((name) =>
    existsSync(`/etc/${name}`) ? ["--ro-bind", realpathSync(`/etc/${name}`), `/etc/${name}`] : [],
  );
}
