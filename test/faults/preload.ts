/** Environments that make a command of a test note its passages, or meet a fault. */
import { join } from "node:path";
import { packageRoot } from "../engine/stack";
import { variables } from "./inject";
import type { Fault, Phase } from "./point";
import { formatPoint } from "./point";

/** Loads the harness into every Node process of a command, with what else it is told. */
export const watched = (phase: Phase, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  ...more, [variables.phase]: phase, NODE_OPTIONS: `--require=${join(packageRoot, "dist", "test", "faults", "inject.js")}`,
});

/** Strikes once; `mark` is the file that appears when it does. */
export const striking = (fault: Fault, mark: string): Record<string, string> => ({
  [variables.point]: formatPoint(fault), [variables.kind]: fault.kind, [variables.struck]: mark,
});
