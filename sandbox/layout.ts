// Where everything of one sandbox lies. The state directory is private to its owner (0700): it holds the API key,
// host keys, user data and whatever the instances write.
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Layout {
  readonly dir: string;
  /** Descriptor: exists while a daemon listens; clients start here. */
  readonly descriptor: string;
  readonly apiKey: string;
  readonly state: string;
  readonly log: string;
  /** Why the last detached start failed; read by the process that spawned it. */
  readonly startError: string;
  readonly instances: string;
  readonly fileSystems: string;
  /** One instance: its disk, its generated /etc, its logs. Removed as a whole when it is terminated. */
  instance(id: string): InstanceLayout;
  fileSystem(id: string): string;
}

export interface InstanceLayout {
  readonly dir: string;
  /** The instance's own disk (home, var): kept by a reboot, lost by terminate. */
  readonly disk: string;
  readonly guest: string;
  readonly console: string;
  readonly bubblewrapArguments: string;
  readonly bubblewrapStatus: string;
  readonly userData: string;
}

export function layoutOf(stateDir: string): Layout {
  const dir = resolve(stateDir);
  const instances = join(dir, "instances");
  return {
    dir,
    descriptor: join(dir, "daemon.json"),
    apiKey: join(dir, "api-key"),
    state: join(dir, "state.json"),
    log: join(dir, "daemon.log"),
    startError: join(dir, "start-error.json"),
    instances,
    fileSystems: join(dir, "filesystems"),
    instance: (id) => {
      const own = join(instances, id);
      return {
        dir: own,
        disk: join(own, "disk"),
        guest: join(own, "guest"),
        console: join(own, "console.log"),
        bubblewrapArguments: join(own, "bubblewrap.args"),
        bubblewrapStatus: join(own, "bubblewrap.status"),
        userData: join(own, "user-data"),
      };
    },
    fileSystem: (id) => join(dir, "filesystems", id),
  };
}

/** Creates the state directory if it is missing and makes it private. */
export function prepareStateDir(layout: Layout): void {
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  chmodSync(layout.dir, 0o700);
  mkdirSync(layout.instances, { recursive: true });
  mkdirSync(layout.fileSystems, { recursive: true });
}

/** Names one sandbox on this machine, whatever path it is reached by: 16 hex digits of the directory's device and inode. */
export function sandboxTag(layout: Layout): string {
  const { dev, ino } = statSync(layout.dir, { bigint: true });
  return createHash("sha256").update(`${dev}:${ino}`).digest("hex").slice(0, 16);
}
