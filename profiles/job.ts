/** The job request: what to train, in terms that no vendor knows. Hardware is a lower bound, paths are derived. */
import { z } from "zod";
import { ConfigError, choice, list, parseWithFaults, positive, section, text, wholeFrom, type Fault, type PropertyPath } from "./input/faults";
import { faultsAcrossJob, isDerivedKey } from "./input/jobRules";

const orNull = <T extends z.ZodType>(schema: T) => schema.nullable().default(null);

const glob = text('a glob relative to the cell\'s directory, such as "checkpoints/*.safetensors"', /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0\n\\]+$/u);

const artifacts = section({
  /**
   * Globs of what must be there when a cell is complete. Logs and metrics are kept always, and so is everything that
   * `scratch` does not name; `keep` wins over `scratch`. Default: []. Example: ["checkpoints/*.safetensors"].
   */
  keep: list(glob, "a list of globs").default([]),
  /** Globs of what may be lost with a teardown. Default: []. Example: ["tmp/**"]. */
  scratch: list(glob, "a list of globs").default([]),
});

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

const inputName = text("1 to 40 letters, digits, dashes or underscores, starting with a letter", /^[A-Za-z][A-Za-z0-9_-]{0,39}$/);

const cell = section({
  /** Also the name of its folder and log. Unique. Example: lr-0.01. */
  name: text("1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit", /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  /** Words appended to the command, each quoted: nothing in them is expanded. Default: []. Example: ["--lr", "0.01"]. */
  args: list(text("text (quote numbers, so that 0.10 stays 0.10)", /^[^\0]*$/u), "a list of texts").default([]),
  /** Added to the job's artifacts. Default: none. */
  artifacts: artifacts.optional(),
  /** Names of the inputs that it reads. Default: all of the job's. Example: [digits]. */
  inputs: list(inputName, "a list of names of inputs").optional(),
});

const input = section({
  /** The payload finds the path of the file or folder in HOLDFAST_INPUT_NAME, in capitals, dashes as underscores. Unique. Example: digits. */
  name: inputName,
  /**
   * A path on this machine (relative to the job's file), an https URL, s3://BUCKET/PREFIX, or instance:/PATH for what is on the
   * instance's file systems already. Example: data/digits.csv.gz.
   */
  source: text("a path, an https URL, s3://BUCKET/PREFIX or instance:/PATH"),
  /** copy: onto the instance's own disk. cached: once for all runs, on the durable tier. mount: read where it is. Default: copy. */
  mode: choice(["mount", "copy", "cached"]).default("copy"),
  /** Expected content, lower-case hex; of a folder, the hash of its list of hashes (docs/jobs.md). Default: null: measured, or not checked. */
  sha256: orNull(text("64 lower-case hex digits", /^[0-9a-f]{64}$/)),
  /** Size, where it cannot be measured here, for the room that the plan counts. Default: null. Example: 1.5e11. */
  bytes: orNull(wholeFrom(0, "whole bytes from 0")),
  /** Name of the secret that is sent to an https URL as bearer token. Default: null. Example: HF_TOKEN. */
  token: orNull(text("the name of an environment variable, never its value", variableName)),
  /** How long bringing it may take before its cells fail: the instance bills meanwhile. Default: 2. */
  maxHours: positive("hours above 0").default(2),
});

const setup = section({
  /**
   * A lock file in pip's requirements format, every package pinned (pip-compile, uv export), relative to the code directory. Its
   * packages are installed beside the image's; torch and its kin stay the image's where it has them. Default: null.
   */
  lock: orNull(text("a path relative to the code directory, such as requirements.lock", /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0\n\\]+$/u)),
  /** sh lines, run in the code directory after the packages are there. Default: null. */
  script: orNull(text("sh lines")),
  /** How long all of it may take before the cells fail: the instance bills meanwhile. Default: 60. */
  maxMinutes: positive("minutes above 0").default(60),
});

const gpu = section({
  /** Models that will do, in any order. Empty: any. Example: [A10, A100]. */
  names: list(text("a GPU model such as A100"), "a list of GPU models").default([]),
  /** GPUs on the one machine, at least. Default: 1. */
  count: wholeFrom(1, "a whole number from 1").default(1),
  /** Memory of each GPU, at least. Default: null. Example: 24. */
  memoryGiB: orNull(positive("a number above 0, in GiB")),
});

const resources = section({
  /** `none`, or lower bounds. Default: none. Example: {names: [A10], count: 1, memoryGiB: 24}. */
  gpu: z.union([z.literal("none"), gpu], { error: "none, or a map with the keys names, count, memoryGiB" }).default("none"),
  /** Default: null. Example: 8. */
  cpus: orNull(positive("a number above 0")),
  /** Main memory. Default: null. Example: 64. */
  memoryGiB: orNull(positive("a number above 0, in GiB")),
  /** Durable storage for what the run writes: checkpoints of all cells, logs, caches. Default: null. Example: 100. */
  diskGiB: orNull(positive("a number above 0, in GiB")),
});

const checkpoint = section({
  /** How long one durable checkpoint takes to write. Default: 30. Example: 12.5. */
  costSeconds: positive("seconds above 0").default(30),
  /** Size of one checkpoint; the plan then counts what all cells need. Default: null, not counted. Example: 2.5e9. */
  bytes: orNull(wholeFrom(1, "whole bytes from 1")),
  /** Overrides the derived cadence. Default: null, Young and Daly's formula. Example: 600. */
  everySeconds: orNull(wholeFrom(1, "whole seconds from 1")),
  /** How long one step of the training takes; the plan then says the cadence in steps, for trainers that count them. Default: null. Example: 0.4. */
  stepSeconds: orNull(positive("seconds above 0")),
  /** Mean time between interruptions. Default: null, the platform's. Example: 72. */
  meanHoursBetweenInterruptions: orNull(positive("hours above 0")),
});

const disposable = section({
  /** Age after which even a disposable run is overdue. Default: 2. */
  maxHours: positive("hours above 0").default(2),
});

export const jobSchema = section({
  /** Name of the run. Example: digits. */
  name: text("1 to 41 lower-case letters, digits and dashes, starting with a letter or digit", /^[a-z0-9][a-z0-9-]{0,40}$/),
  /** One POSIX sh line, run in the code directory. A cell's args are appended. Example: python3 train.py. */
  command: text("one line for sh, such as python3 train.py", /^[^\0\n]*\S[^\0\n]*$/u),
  /** Directory with the code, relative to the file of the job (or to the project). Default: ".". */
  code: text("a directory").default("."),
  /** Run once per instance before the first cell: a lock file and a script, or only sh lines. Default: null. Example: {lock: requirements.lock}. */
  setup: z
    .union([text("sh lines"), setup], { error: "sh lines, or a map with the keys lock, script, maxMinutes" })
    .nullable()
    .default(null)
    .transform((typed) => setup.parse(typeof typed === "string" ? { script: typed } : (typed ?? {}))),
  /** Files and data sets the job reads, brought before the first cell that needs them. Default: []. */
  inputs: list(input, "a list of maps").default([]),
  /** Environment of every cell. Not for secrets. Default: {}. Example: {OMP_NUM_THREADS: "1"}. */
  env: z
    .record(z.string().regex(variableName, { error: "a variable name" }), text('text (write "1" instead of 1)', /^[^\0]*$/u), { error: "a map of variable names to texts" })
    .default({}),
  /** Names of environment variables whose values are read where the command is typed, and never stored. Default: []. Example: [WANDB_API_KEY]. */
  secrets: list(text("the name of an environment variable, never its value", variableName), "a list of names").default([]),
  /** Lower bounds. Default: no GPU, any machine. */
  resources: resources.prefault({}),
  /** Cadence of checkpoints; their directory is derived, never typed. */
  checkpoint: checkpoint.prefault({}),
  /** What is kept and what may go, for every cell. */
  artifacts: artifacts.prefault({}),
  /** One entry per configuration. Default: one cell `main` without arguments. */
  roster: list(cell, "a list of cells").min(1, { error: "a list of at least one cell" }).default([{ name: "main", args: [] }]),
  /** Declares that the whole run may be lost: its teardown asks only for its name. Default: null. Example: {maxHours: 2}. */
  disposable: orNull(disposable),
});

export type JobRequest = z.output<typeof jobSchema>;
export type JobCell = JobRequest["roster"][number];
export type JobInput = JobRequest["inputs"][number];

/** Values under these are never printed: they are where people paste secrets. */
export const jobHides = (path: PropertyPath): boolean =>
  path[0] === "env" || path[0] === "secrets" || (path[0] === "inputs" && (path[2] === "source" || path[2] === "token"));

export const jobForbids = (path: PropertyPath): string | null =>
  isDerivedKey(path) ? "cannot be set: the checkpoint directory is derived, never typed; read $HOLDFAST_CHECKPOINT_DIR in the trainer" : null;

/** The request with its defaults, or every fault. `source` names the document in messages. Throws ConfigError. */
export function parseJob(raw: unknown, source: string, lineOf: (path: PropertyPath) => number | undefined = () => undefined): JobRequest {
  const { value, faults } = parseWithFaults(jobSchema, raw, { hidden: jobHides, forbiddenKey: jobForbids, across: faultsAcrossJob });
  if (value !== null && faults.length === 0) return value;
  throw new ConfigError(source, "job request", withLines(faults, lineOf));
}

function withLines(faults: readonly Fault[], lineOf: (path: PropertyPath) => number | undefined): Fault[] {
  const placed = faults.map((fault) => {
    const line = lineOf(fault.path);
    return line === undefined ? fault : { ...fault, line };
  });
  return placed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
