/** One OpenSSH client configuration file per connection: short argv, connection sharing, host key pinned per instance. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  /** null: the name of whoever runs this. */
  readonly user: string | null;
  /** Private key file, mode 0600; null: whatever keys the person's own ssh offers. */
  readonly keyPath: string | null;
  /** The run's own known_hosts; the first contact writes it, later contacts are held to it. */
  readonly knownHostsPath: string;
  /** Name under which the host key is kept: the instance's id, since addresses are reused by other machines. */
  readonly hostKeyAlias: string;
}

/** The name to give to ssh and rsync for the machine that a configuration file describes. */
export const targetName = "holdfast-target";

const quoted = (value: string): string => `"${value.replaceAll('"', "")}"`;

/** Writes the configuration (no secret in it) and returns its path. Safe to call again: same target, same file. */
export function writeSshConfig(target: SshTarget): string {
  // A control socket's path may not exceed about 100 bytes, so it lives in a short private folder, not in the project.
  const folder = join(tmpdir(), `holdfast-ssh-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  mkdirSync(dirname(target.knownHostsPath), { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(JSON.stringify(target)).digest("hex").slice(0, 16);
  const path = join(folder, `${name}.conf`);
  const lines = [
    `Host ${targetName}`,
    `  HostName ${target.host}`,
    `  Port ${target.port}`,
    ...(target.user === null ? [] : [`  User ${target.user}`]),
    ...(target.keyPath === null ? [] : [`  IdentityFile ${quoted(target.keyPath)}`, "  IdentitiesOnly yes"]),
    "  BatchMode yes",
    "  PasswordAuthentication no",
    `  UserKnownHostsFile ${quoted(target.knownHostsPath)}`,
    "  GlobalKnownHostsFile /dev/null",
    `  HostKeyAlias ${target.hostKeyAlias}`,
    "  StrictHostKeyChecking accept-new",
    "  HashKnownHosts no",
    "  UpdateHostKeys no",
    "  CheckHostIP no",
    "  ConnectTimeout 10",
    "  ConnectionAttempts 1",
    "  ServerAliveInterval 10",
    "  ServerAliveCountMax 3",
    "  ControlMaster auto",
    `  ControlPath ${quoted(join(folder, `${name}.sock`))}`,
    "  ControlPersist 30",
    "  LogLevel ERROR",
    "",
  ];
  writeFileSync(path, lines.join("\n"), { mode: 0o600 });
  return path;
}
