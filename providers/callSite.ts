/**
 * Which line of a program asked for a resource. The SDK stores the whole call stack of every registration in state, ours and
 * Node's included, with paths of this machine: 0.9 kB per resource, which a file backend rewrites at every step.
 */
import * as pulumi from "@pulumi/pulumi";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

interface Frame {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}

/** How the SDK takes a stack, for sourcePosition and stackTrace of a registration; not part of its declared interface. */
interface Recorder {
  stackTrace?: (skip: number) => readonly (Frame | undefined)[];
}

const recorder = pulumi.Resource as unknown as Recorder;
let pending = false;

/** Given to the SDK's constructor in place of `options`: of the registration that follows only the program's own line is kept. */
export function fromProgramsLine<T>(options: T): T {
  pending = recorder.stackTrace !== undefined;
  return options;
}

/** The program's line: the first that is none of this package's. All frames, should there be no such line. */
export function programsLine(frames: readonly (Frame | undefined)[]): readonly (Frame | undefined)[] {
  const line = frames.find((frame) => frame !== undefined && !own.some((folder) => frame.uri.startsWith(folder)));
  return line === undefined ? frames : [line];
}

const packageRoot = resolve(__dirname, "..", "..");
/** As source maps name our files, and as Node does without them. */
const own = [packageRoot, join(packageRoot, "dist")].flatMap((root) => ["components", "providers"].map((folder) => `${pathToFileURL(join(root, folder)).href}/`));

const { stackTrace } = recorder;
if (stackTrace !== undefined) {
  recorder.stackTrace = (skip) => {
    const frames = stackTrace.call(recorder, skip + 1);
    if (!pending) return frames;
    pending = false;
    return programsLine(frames);
  };
}
