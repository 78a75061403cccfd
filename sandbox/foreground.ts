// The daemon as the main thing of a process: ends on SIGINT and SIGTERM, and leaves the reason of a failed start where the
// process that spawned it can read it.
import { messageOf, UserError } from "../custody/userError.js";
import { startDaemon, type DaemonOptions } from "./daemon.js";
import type { SandboxDescriptor } from "./descriptor.js";
import { layoutOf, prepareStateDir } from "./layout.js";
import { writeAtomically } from "./store.js";

/** Resolves when the daemon has stopped. `onListening` is called once it answers. */
export async function runForeground(options: DaemonOptions, onListening?: (descriptor: SandboxDescriptor) => void): Promise<void> {
  let daemon;
  try {
    daemon = await startDaemon(options);
  } catch (error) {
    const layout = layoutOf(options.dir);
    prepareStateDir(layout);
    const { code, next } = error instanceof UserError ? error : { code: "sandbox-not-started", next: [] };
    writeAtomically(layout.startError, JSON.stringify({ code, next, message: error instanceof UserError ? error.message : messageOf(error) }));
    throw error;
  }
  onListening?.(daemon.descriptor);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void daemon.stop());
  await daemon.stopped;
}
