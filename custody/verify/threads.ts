// The worker threads: started ahead while something else is waited for, kept between verifications, given up when they die.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Below this, starting a thread (some 40 ms) would take longer than the work. */
export const inlineBytes = 32 * 1024 * 1024;
/** A forged file that needs more than this loses its thread, not the process. Buffers do not count. */
const heapMegabytes = 512;
const maxThreads = 4;

/** Where lanes get their threads from, and what becomes of one that has nothing to do any more. */
export interface ThreadSource {
  take(): Worker;
  keep(worker: Worker): void;
}

/** As many threads as a verification uses unless it is told. */
export const usualThreads = (): number => Math.min(availableParallelism(), maxThreads);

/** Starts the threads that verifying so many bytes will use, so that they are ready when the bytes are. Returns at once. */
export function warmThreads(bytes: number): void {
  if (bytes <= inlineBytes) return;
  for (let missing = usualThreads() - idle.size; missing > 0; missing -= 1) keep(start());
}

/** The threads of this process. Idle ones do not keep it alive. */
export const sharedThreads: ThreadSource = {
  take: () => {
    for (const [worker, release] of idle) {
      release();
      return worker;
    }
    return start();
  },
  keep,
};

/** Each with what ends its waiting. */
const idle = new Map<Worker, () => void>();

function start(): Worker {
  return new Worker(require.resolve("./worker.js"), { resourceLimits: { maxOldGenerationSizeMb: heapMegabytes } });
}

function keep(worker: Worker): void {
  if (idle.size >= maxThreads) {
    void worker.terminate();
    return;
  }
  const drop = (): void => {
    idle.delete(worker);
  };
  worker.on("error", drop);
  worker.on("exit", drop);
  worker.unref();
  idle.set(worker, () => {
    drop();
    worker.off("error", drop);
    worker.off("exit", drop);
    worker.ref();
  });
}
