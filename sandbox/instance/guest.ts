// What an instance finds in /etc, /usr/local and on its disk at first boot. Text in, files out; nothing here starts anything.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { InstanceLayout } from "../layout.js";
import { generateHostKey } from "./keys.js";
import type { Machine } from "./machine.js";

/** With sbin, which a real login of `ubuntu` has as well. */
export const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const guestUser = { name: "ubuntu", uid: 1000, gid: 1000, home: "/home/ubuntu" } as const;
/** Inside the guest; outside it lies on the instance's disk, where the daemon reads it after the end. */
const powerRequest = "/var/lib/power-request";

/** Writes disk and system files of a new instance. */
export async function installGuest(machine: Machine, layout: InstanceLayout, sshPort: number): Promise<void> {
  const shell = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
  const etc = join(layout.guest, "etc");
  for (const folder of ["ssh", "ssl/certs", "alternatives", "ld.so.conf.d"]) mkdirSync(join(etc, folder), { recursive: true });
  for (const folder of ["var/lib", "var/tmp", "var/log", "var/cache"]) mkdirSync(join(layout.disk, folder), { recursive: true });

  write(join(etc, "passwd"), passwd(shell));
  // No group `tty`: sshd would hand terminals to it, and only one group id exists in here.
  write(join(etc, "group"), "root:x:0:\nubuntu:x:1000:\nnogroup:x:65534:\n");
  write(join(etc, "nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
  write(join(etc, "hostname"), `${machine.hostname}\n`);
  write(join(etc, "hosts"), `127.0.0.1 localhost\n${machine.address} ${machine.hostname}\n`);
  write(join(etc, "machine-id"), `${randomUUID().replaceAll("-", "")}\n`);
  write(join(etc, "profile"), `export PATH=${guestPath}\nexport LANG=C.UTF-8\n`);
  // Filled by binds of the host's files.
  for (const file of ["ld.so.cache", "resolv.conf", "ld.so.conf"]) write(join(etc, file), "");
  write(join(etc, "ssh/sshd_config"), sshdConfig(machine.address, sshPort));
  // A daemon killed half-way through would otherwise leave ssh-keygen asking whether to overwrite.
  rmSync(join(etc, "ssh/host_key"), { force: true });
  await generateHostKey(join(etc, "ssh/host_key"), machine.hostname);

  const home = join(layout.disk, "home");
  write(join(home, ".ssh/authorized_keys"), machine.authorizedKeys.map((key) => `${key}\n`).join(""), 0o600);
  chmodSync(join(home, ".ssh"), 0o700);

  const local = join(layout.guest, "local");
  write(join(local, "bin/sudo"), sudoScript, 0o755);
  for (const name of ["poweroff", "halt", "shutdown", "reboot"]) write(join(local, "sbin", name), powerScript(name), 0o755);
}

/** Every boot of a real machine has its own id; programs tell by it that a lock is from before the reboot. */
export function renewBootId(layout: InstanceLayout): void {
  write(join(layout.guest, "boot_id"), `${randomUUID()}\n`);
}

/** Where, outside the guest, its request to be powered off or rebooted appears. */
export function powerRequestFile(layout: InstanceLayout): string {
  return join(layout.disk, powerRequest);
}

function passwd(shell: string): string {
  const { name, uid, gid, home } = guestUser;
  return [
    `root:x:0:0:root:/root:${shell}`,
    `${name}:x:${uid}:${gid}:Ubuntu:${home}:${shell}`,
    "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    "",
  ].join("\n");
}

function sshdConfig(address: string, port: number): string {
  return [
    `Port ${port}`,
    `ListenAddress ${address}`,
    "HostKey /etc/ssh/host_key",
    "PidFile /run/sshd.pid",
    "AuthorizedKeysFile .ssh/authorized_keys",
    // PAM needs root; the owner of every file is the caller's one mapped uid.
    "UsePAM no",
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UseDNS no",
    "PrintMotd no",
    "MaxStartups 50:30:200",
    "MaxSessions 50",
    `SetEnv PATH=${guestPath} LANG=C.UTF-8`,
    "Subsystem sftp internal-sftp",
    "",
  ].join("\n");
}

/** The guest has one uid, so elevated commands run as it: enough for `sudo shutdown`, not for `sudo apt install`. */
const sudoScript = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    -u|-g) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || exit 0
exec "$@"
`;

/** Ends PID 1's main program, as a shutdown inside the guest does; the vendor's API is not told. */
function powerScript(name: string): string {
  return `#!/bin/sh
request=${name === "reboot" ? "reboot" : "poweroff"}
for word in "$@"; do
  case $word in
    -c) exit 0 ;;
    -r|--reboot) request=reboot ;;
  esac
done
echo "$request" > ${powerRequest}
kill -KILL "$(cat /run/sshd.pid)"
`;
}

function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
}
