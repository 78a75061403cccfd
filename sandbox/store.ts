// What the sandbox remembers: one JSON file, replaced atomically at every change that a caller was told of.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { UserError } from "../custody/userError.js";
import type { VendorClockState } from "./clock.js";
import type { Machine } from "./instance/machine.js";
import type { Knobs } from "./knobs.js";
import type { MeterRecord } from "./meter.js";

export interface SandboxState {
  v: 1;
  /** Stays the same over restarts, so a client that remembers the URL still finds it. */
  httpPort: number;
  sshPort: number;
  clock: VendorClockState;
  knobs: Knobs;
  /** Vendor time when `knobs.capacity` was last set: its schedule counts from here. */
  capacitySinceMs: number;
  machines: Record<string, Machine>;
  meter: MeterRecord[];
  /** One slice per vendor API, owned by that vendor's code. */
  vendors: Record<string, unknown>;
}

export class Store {
  private attached = true;

  constructor(
    private readonly path: string,
    readonly state: SandboxState,
  ) {}

  /** Reads the file; undefined when there is none. Throws UserError when it is damaged or of another format. */
  static read(path: string): SandboxState | undefined {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (cause) {
      throw unreadable(path, "it is not JSON", cause);
    }
    const version = (parsed as { v?: unknown } | null)?.v;
    if (version !== 1) throw unreadable(path, `its format is ${JSON.stringify(version)}, this program knows 1`);
    return parsed as SandboxState;
  }

  /** The part that belongs to one vendor; created with `empty` at first use. The object is live: change it, then `save()`. */
  slice<T extends object>(vendor: string, empty: () => T): T {
    this.state.vendors[vendor] ??= empty();
    return this.state.vendors[vendor] as T;
  }

  save(): void {
    if (this.attached) writeAtomically(this.path, JSON.stringify(this.state));
  }

  /** Saves nothing from now on: the directory is not this sandbox's any more. */
  detach(): void {
    this.attached = false;
  }
}

/** Temporary file in the same directory, fsync, rename; mode 0600. */
export function writeAtomically(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function unreadable(path: string, why: string, cause?: unknown): UserError {
  return new UserError(`The sandbox cannot read its state in ${path}: ${why}.`, {
    code: "sandbox-state-unreadable",
    next: ["holdfast sandbox reset    # ends every sandbox instance and deletes what it stored"],
    cause,
  });
}
