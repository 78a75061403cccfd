/** A cell that trains until it is told to end: the run is in its middle for as long as a test needs. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ScratchStack } from "./stack";

/** Cell b writes its checkpoints and then waits. */
export function letCellWait(scratch: ScratchStack): void {
  scratch.writeJob((job) => job.replace('{name: b, args: ["3"]}', '{name: b, args: ["3", "0.1", "wait"]}'));
  const trainer = join(scratch.directory, "job", "train.py");
  const wait = 'while len(sys.argv) > 3 and not os.path.exists(os.path.join(out, "tmp", "release")):\n    time.sleep(0.1)\n';
  writeFileSync(trainer, readFileSync(trainer, "utf8").replace('write(os.path.join(out, "metrics.json")', `${wait}write(os.path.join(out, "metrics.json")`));
}

/** Lets it go on, on whatever machine it is. The file lies in its scratch folder, so that it is no artifact. */
export function releaseCell(artifacts: string): void {
  mkdirSync(join(artifacts, "cells", "b", "tmp"), { recursive: true });
  writeFileSync(join(artifacts, "cells", "b", "tmp", "release"), "");
}
