// One simulated machine as the sandbox remembers it, whatever vendor API it is shown through.
import type { ProcessIdentity } from "../process/identity.js";

export interface Machine {
  readonly id: string;
  /** Name inside the guest. */
  readonly hostname: string;
  /** Its own loopback address, 127.77.a.b; sshd listens there. */
  readonly address: string;
  readonly authorizedKeys: readonly string[];
  readonly mounts: readonly MachineMount[];
  /** What the vendor wants; an instance that is on but does not run has ended by itself. */
  power: "on" | "off";
  running: RunningMachine | null;
  /** True when the host, not the guest, ended it (a stop of the daemon, a reboot under way): it is to be booted again. */
  bootOwed: boolean;
}

export interface MachineMount {
  readonly fileSystemId: string;
  readonly mountPoint: string;
}

export interface RunningMachine {
  /** Boot of the host in which these pids mean something. */
  readonly hostBootId: string;
  /** bubblewrap itself. */
  readonly outer: ProcessIdentity;
  /** PID 1 of the instance; when it ends the kernel ends everything inside. */
  readonly init: ProcessIdentity;
}
