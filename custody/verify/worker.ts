// A worker thread of the pool: takes batches of files, verifies one after the other, reports each.
import { parentPort } from "node:worker_threads";
import { inspectFile, type FileReport, type InspectOptions } from "./file.js";

export interface FileTask {
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
  /** Without callbacks and signals, which do not cross threads. */
  readonly options: Omit<InspectOptions, "onBytes" | "signal">;
}

export type WorkerReply =
  | { readonly kind: "bytes"; readonly index: number; readonly bytes: number }
  | { readonly kind: "report"; readonly index: number; readonly report: FileReport }
  | { readonly kind: "idle" };

const port = parentPort;

async function verifyBatch(tasks: readonly FileTask[], reply: (message: WorkerReply) => void): Promise<void> {
  for (const { index, path, options } of tasks) {
    const report = await inspectFile(path, { ...options, onBytes: (bytes) => reply({ kind: "bytes", index, bytes }) });
    reply({ kind: "report", index, report });
  }
  reply({ kind: "idle" });
}

if (port !== null) {
  port.on("message", (tasks: readonly FileTask[]) => {
    verifyBatch(tasks, (message) => port.postMessage(message)).catch((error: unknown) => {
      // Ends the thread with this error; the pool names the file and goes on with another thread.
      setImmediate(() => {
        throw error;
      });
    });
  });
}
