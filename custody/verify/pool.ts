// Spreads files over worker threads: the largest first, small ones in batches, and a thread that dies costs only the file it was reading.
import type { Worker } from "node:worker_threads";
import { inspectFile, type FileReport } from "./file.js";
import { inlineBytes, sharedThreads, type ThreadSource } from "./threads.js";
import type { FileTask, WorkerReply } from "./worker.js";

/** Enough work per message that the exchange costs nothing. */
const batchBytes = 8 * 1024 * 1024;
const batchFiles = 64;

export interface PoolEvents {
  /** Bytes of the file read so far. */
  readonly onBytes: (task: FileTask, bytes: number) => void;
  readonly onReport: (task: FileTask, report: FileReport) => void;
  readonly signal?: AbortSignal;
}

/** Resolves when every task has its report; rejects with the signal's reason when it aborts. Uses at most `workers` threads at a time. */
export async function runTasks(tasks: readonly FileTask[], workers: number, events: PoolEvents, threads: ThreadSource = sharedThreads): Promise<void> {
  events.signal?.throwIfAborted();
  const total = tasks.reduce((sum, task) => sum + task.bytes, 0);
  if (total <= inlineBytes) return runInline(tasks, events);
  const queue = batches([...tasks].sort((a, b) => b.bytes - a.bytes || a.index - b.index));
  const lanes = Array.from({ length: Math.max(1, Math.min(workers, queue.length)) }, () => new Lane(queue, events, threads));
  const abort = (): void => lanes.forEach((lane) => lane.stop(events.signal?.reason));
  events.signal?.addEventListener("abort", abort, { once: true });
  try {
    await Promise.all(lanes.map((lane) => lane.run()));
  } finally {
    events.signal?.removeEventListener("abort", abort);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

async function runInline(tasks: readonly FileTask[], { onBytes, onReport, signal }: PoolEvents): Promise<void> {
  for (const task of tasks) {
    signal?.throwIfAborted();
    const options = { ...task.options, onBytes: (bytes: number) => onBytes(task, bytes) };
    onReport(task, await inspectFile(task.path, signal === undefined ? options : { ...options, signal }));
  }
}

/** Largest first, so that no thread is left alone with a long file at the end. */
function batches(sorted: readonly FileTask[]): FileTask[][] {
  const result: FileTask[][] = [];
  let bytes = 0;
  for (const task of sorted) {
    const last = result.at(-1);
    if (last !== undefined && bytes + task.bytes <= batchBytes && last.length < batchFiles) {
      last.push(task);
      bytes += task.bytes;
    } else {
      result.push([task]);
      bytes = task.bytes;
    }
  }
  return result;
}

/** One thread at a time, taking batches from the shared queue. */
class Lane {
  #worker: Worker | undefined;
  /** Takes this lane's ears off its thread. */
  #release: (() => void) | undefined;
  #busy = false;
  #pending: FileTask[] = [];
  readonly #done = Promise.withResolvers<undefined>();

  constructor(
    private readonly queue: FileTask[][],
    private readonly events: PoolEvents,
    private readonly threads: ThreadSource,
  ) {}

  run(): Promise<undefined> {
    this.#next();
    return this.#done.promise;
  }

  stop(reason: unknown): void {
    this.#done.reject(reason);
  }

  /** A thread that is still at a file has to end with it. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    this.#release?.();
    if (this.#busy) await worker.terminate();
    else this.threads.keep(worker);
  }

  #next(): void {
    const batch = this.queue.shift();
    this.#busy = batch !== undefined;
    if (batch === undefined) {
      this.#done.resolve(undefined);
      return;
    }
    this.#pending = batch;
    this.#worker ??= this.#listen(this.threads.take());
    this.#worker.postMessage(batch);
  }

  #listen(worker: Worker): Worker {
    const message = (reply: WorkerReply): void => this.#hear(worker, reply);
    const error = (fault: unknown): void => this.#replace(worker, fault instanceof Error ? fault.message : String(fault));
    const exit = (code: number): void => this.#replace(worker, `its thread ended with code ${code}`);
    worker.on("message", message).on("error", error).on("exit", exit);
    this.#release = () => worker.off("message", message).off("error", error).off("exit", exit);
    return worker;
  }

  #hear(worker: Worker, reply: WorkerReply): void {
    // A message that was on its way when its thread died, or the run ended, must not start another batch.
    if (this.#worker !== worker) return;
    if (reply.kind === "idle") {
      this.#next();
      return;
    }
    const task = this.#pending.find(({ index }) => index === reply.index);
    if (task === undefined) return;
    if (reply.kind === "report") this.#pending = this.#pending.filter((other) => other !== task);
    this.#tell(() => {
      if (reply.kind === "bytes") this.events.onBytes(task, reply.bytes);
      else this.events.onReport(task, reply.report);
    });
  }

  /** Files are read in order, so the first without a report is the one that was open. */
  #replace(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const [blamed, ...rest] = this.#pending;
    this.#pending = [];
    if (rest.length > 0) this.queue.unshift(rest);
    if (blamed !== undefined) this.#tell(() => this.events.onReport(blamed, failedReport(blamed, reason)));
    this.#next();
  }

  /** The callbacks are the caller's; what they throw ends the run, not the process. */
  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#done.reject(error);
    }
  }
}

function failedReport({ path }: FileTask, reason: string): FileReport {
  const message = `The verifier could not finish with this file: ${reason}.`;
  return { verdict: { path, bytes: 0, sha256: "", format: "opaque", ok: false, problems: [{ code: "verifier-failed", message }] }, links: {} };
}
