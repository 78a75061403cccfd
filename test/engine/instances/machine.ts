/** A sandbox machine from the outside: its processes, all of which can be stopped and continued like a machine that hangs. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface GuestProcess {
  readonly pid: number;
  readonly command: string;
}

/** Every process in the pid namespace of the machine's init. */
export function processesOf(initPid: number): GuestProcess[] {
  const namespace = readlinkSync(`/proc/${initPid}/ns/pid`);
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) !== namespace) return [];
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim() }];
    } catch {
      // Ended meanwhile.
      return [];
    }
  });
}

export function signalMachine(initPid: number, signal: "SIGSTOP" | "SIGCONT"): void {
  const signalled = new Set<number>();
  for (;;) {
    // Until a round finds nobody new: processes are started while the list is gone through.
    const missed = processesOf(initPid).filter(({ pid }) => !signalled.has(pid));
    if (missed.length === 0) return;
    for (const { pid } of missed) {
      signalled.add(pid);
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }
}
