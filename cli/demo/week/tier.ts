/** What lies on the week's file system, read from its disk: neither by Holdfast's clients nor through an instance. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stepOf } from "../../runs/checkpointStep";
import type { Vendor } from "../vendor";

/** A cell as the queue's own state says it. */
export interface SeenCell {
  readonly state: string;
  readonly attempt: number;
  /** Of the newest checkpoint; null when there is none. */
  readonly step: number | null;
  /** Hour of the week at which its training will be done; null when it has not said so. */
  readonly ends: number | null;
}

export interface TierFile {
  /** Relative to the run's directory. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export class Tier {
  private constructor(private readonly root: string) {}

  /** The one file system of the account. */
  static async of(vendor: Vendor): Promise<Tier> {
    const [only, ...more] = await vendor.admin<readonly { path: string }[]>("GET", "/filesystems");
    if (only === undefined || more.length > 0) throw new Error("not one file system");
    return new Tier(only.path);
  }

  directory(run: string): string {
    return join(this.root, "holdfast", "week", run, run);
  }

  cell(run: string, cell: string): SeenCell | null {
    const state = readJson(join(this.directory(run), "state", "cells", `${cell}.json`)) as { state: string; attempt?: number } | null;
    if (state === null) return null;
    const folder = join(this.directory(run), "cells", cell);
    const steps = namesIn(join(folder, "checkpoints")).flatMap((name) => stepOf(name) ?? []);
    const pace = readJson(join(folder, "tmp", "pace.json")) as { attempt: number; ends: number | null } | null;
    return { state: state.state, attempt: state.attempt ?? 0, step: steps.length === 0 ? null : Math.max(...steps), ends: pace !== null && pace.attempt === state.attempt ? pace.ends : null };
  }

  /** The cell that trains and has said until when; null while the queue is between two cells, closed, or has not begun. */
  training(run: string): { readonly cell: string; readonly ends: number } | null {
    for (const name of namesIn(join(this.directory(run), "state", "cells"))) {
      const cell = name.replace(/\.json$/, "");
      const seen = this.cell(run, cell);
      if (seen?.state === "running" && seen.ends !== null) return { cell, ends: seen.ends };
    }
    return null;
  }

  /** When the last of its cells ended, in milliseconds since the epoch; null while one runs or waits. */
  doneAt(run: string): number | null {
    const folder = join(this.directory(run), "state", "cells");
    const states = namesIn(folder).map((name) => readJson(join(folder, name)) as { state: string; endedAt: string | null } | null);
    if (states.length === 0 || states.some((seen) => seen === null || seen.state === "running" || seen.state === "pending")) return null;
    return Math.max(...states.map((seen) => (seen?.endedAt == null ? 0 : Date.parse(seen.endedAt))));
  }

  /** Everything that the run's cells wrote, but for their scratch folders and what no writer finished. */
  files(run: string): TierFile[] {
    return filesBelow(this.directory(run), "cells")
      .filter((path) => !/^cells\/[^/]+\/tmp\//.test(path) && !path.endsWith(".tmp"))
      .map((path) => ({ path, ...fingerprintOf(join(this.directory(run), path)) }));
  }
}

export function fingerprintOf(path: string): { bytes: number; sha256: string } {
  const content = readFileSync(path);
  return { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function filesBelow(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesBelow(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`])).sort();
}

/** null: not there, or gone between two looks. */
function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
