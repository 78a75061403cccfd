/** What kinds of failure there are, as the scripts tell them apart from evidence, and what a person does about each. Data. */

/** `passes`: may pass by itself, so it is tried again by itself within a bound. `what`: for a sentence after "failed:". */
export interface FailureClass {
  readonly what: string;
  readonly passes: boolean;
  /** Steps in order; CELL stands for the cell's name. */
  readonly todo: readonly string[];
}

const RESUME = "holdfast retry CELL (goes on from its newest checkpoint)";
const ANEW = "holdfast retry CELL --fresh (starts over with today's code; what it has is kept)";

export const failureClasses = {
  hardware: {
    what: "the machine: a GPU, its memory or links, or a disk",
    passes: true,
    todo: [RESUME, "fails again: replace the instance (holdfast approve --replace instance, pulumi up); the storage stays and the cell resumes"],
  },
  reboot: { what: "the machine was rebooted under it", passes: true, todo: [RESUME] },
  instanceLost: { what: "its machine is gone", passes: true, todo: ["pulumi up (brings the run back on another instance)", RESUME] },
  interrupted: { what: "Holdfast's own process beside it was ended, not the payload", passes: true, todo: [RESUME] },
  outOfHostMemory: {
    what: "main memory ran out",
    passes: false,
    todo: ["fewer data loader workers, or less held by each: every worker has its own copy; or a larger resources.memoryGiB and pulumi up", RESUME],
  },
  outOfGpuMemory: {
    what: "GPU memory ran out",
    passes: false,
    todo: ["a larger GPU (capacity, resources.gpu.memoryGiB), then pulumi up", RESUME, "a smaller batch is another experiment: give it a cell name of its own"],
  },
  diskFull: { what: "no space left", passes: false, todo: ["holdfast status (which tier), holdfast ssh: remove what nobody needs, or ask for a larger storage", RESUME] },
  inodesFull: { what: "no file can be made any more: the inodes are used up", passes: false, todo: ["holdfast ssh: find caches and samples of many small files, pack or remove them", RESUME] },
  killedByHand: { what: "somebody, or a program, ended it with a signal; the kernel did not", passes: false, todo: [RESUME] },
  codeError: { what: "the program ended it", passes: false, todo: ["holdfast logs CELL", ANEW, "nothing wrong with the program: holdfast retry CELL resumes it as it was"] },
  setup: { what: "what must be there before it starts was not", passes: false, todo: ["holdfast logs (and logs/setup.log): mend setup, secrets or code, then pulumi up", "holdfast retry CELL"] },
  inputs: { what: "what it reads could not be brought", passes: false, todo: ["holdfast status (why), then pulumi up or holdfast retry CELL"] },
  tier: { what: "the durable storage does not take what is written", passes: false, todo: ["holdfast ssh: is it mounted, full, or read-only?", RESUME] },
  unknown: { what: "no evidence says why", passes: false, todo: ["holdfast logs CELL", RESUME] },
} as const satisfies Record<string, FailureClass>;

/** A class of a newer or older script is told by its own name. */
export const failureClass = (name: string | null | undefined): FailureClass =>
  (failureClasses as Readonly<Record<string, FailureClass>>)[name ?? "unknown"] ?? { ...failureClasses.unknown, what: name ?? "unknown" };
