/** A run's directory on a durable tier as the scripts leave it behind: cells, logs, states, closing marker. */
import { join } from "node:path";
import type { CellPatterns, TakeManifestOptions } from "../../custody";
import { scripts } from "./localRemote";
import { run, safetensors, writeFiles } from "./support";

export const cells: readonly CellPatterns[] = [{ name: "a", scratch: ["cache/**", "*.bak"], keep: ["cache/keep.json"] }, { name: "b", scratch: [] }];

export interface DurableTier {
  /** Absolute run directory. */
  readonly directory: string;
  readonly options: TakeManifestOptions;
}

/** One line, as the scripts write it: a record without its newline is half a record. */
const line = (record: Record<string, unknown>): string => `${JSON.stringify(record)}\n`;

export const state = (cell: string, change: Record<string, unknown> = {}): string =>
  line({ cell, state: "complete", attempt: 1, exit: 0, cause: null, startedAt: "2026-03-01T10:00:00Z", endedAt: "2026-03-01T11:00:00Z", pid: 1, pgid: 1, configSha256: "0".repeat(64), ...change });

export const closed = (epoch = 1): string => line({ at: "2026-03-01T11:00:00Z", epoch, complete: ["a", "b"], failed: [] });

/** Two complete cells with a checkpoint and metrics each, and a closed queue. */
export function durableTier(folder: string): DurableTier {
  const directory = join(folder, "mnt", "holdfast", "digits", "dev", "sweep");
  writeFiles(directory, {
    "cells/a/checkpoints/step-10.safetensors": safetensors([1, 2, 3]),
    "cells/a/metrics.json": '{"loss": 0.5}\n',
    "cells/b/checkpoints/step-10.safetensors": safetensors([4, 5, 6]),
    "cells/b/metrics.json": '{"loss": 0.25}\n',
    "logs/queue.log": "started\nended\n",
    "logs/a.log": "training a\n",
    "logs/b.log": "",
    "state/cells/a.json": state("a"),
    "state/cells/b.json": state("b"),
    "state/closed.json": closed(),
  });
  return { directory, options: { run, directory, scripts, tier: "persistent", resource: "fs-1", cells } };
}
