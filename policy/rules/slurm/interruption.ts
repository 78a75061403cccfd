/** Batch jobs for Slurm: time to write the last checkpoint, a requeue that happens, and a cancel that stays one. */
import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import { resourceRule, type Finding } from "../../rule";
import { diesOfItsWarning, programsOf, secondsOf, signalOf, type BatchScript } from "../../slurm/script";
import { judgeScripts, type Submitted } from "../../slurm/subjects";

interface SignalConfig {
  readonly leadSeconds: number;
}

export const slurmSignalLeavesTime = resourceRule<SignalConfig>(
  {
    name: "slurm-signal-leaves-time",
    description: "A batch job is warned early enough before its time limit to write one checkpoint.",
    gotchas: ["SLURM1", "SLURM2"],
    level: "advisory",
    defaults: { leadSeconds: 180 },
    config: { leadSeconds: { type: "integer", minimum: 61, default: 180, description: "The least warning, in seconds: one checkpoint, and 60 s by which Slurm may be late." } },
  },
  (resource, config) => judgeScripts(resource, (submitted) => shortWarning(submitted, config)),
);

/** Mandatory: what cannot be cancelled has no bound. */
export const slurmCancelStaysCancelled = resourceRule(
  {
    name: "slurm-cancel-stays-cancelled",
    description: "The signal of scancel does not put a batch job back into the queue.",
    gotchas: ["SLURM2"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => judgeScripts(resource, requeueOnTerm),
);

interface PartitionConfig {
  readonly partitions: Readonly<Record<string, { readonly maxHours?: number; readonly preemptMode?: string }>>;
}

const partitionConfig: { readonly partitions: PolicyConfigJSONSchema } = {
  partitions: {
    type: "object",
    default: {},
    additionalProperties: { type: "object", properties: { maxHours: { type: "number", exclusiveMinimum: 0 }, preemptMode: { type: "string", enum: ["OFF", "CANCEL", "REQUEUE", "SUSPEND", "GANG"] } }, additionalProperties: false },
    description: "What `scontrol show partition` says, by name: {gpu: {maxHours: 24, preemptMode: REQUEUE}}.",
  },
};

export const slurmRequeueWorks = resourceRule<PartitionConfig>(
  {
    name: "slurm-requeue-works",
    description: "A batch job that counts on being requeued is in a partition that does, and keeps its log.",
    gotchas: ["SLURM2", "U3"],
    level: "advisory",
    defaults: { partitions: {} },
    config: partitionConfig,
  },
  (resource, config) => judgeScripts(resource, (submitted) => vainRequeue(submitted, config)),
);

export const slurmWalltimeFits = resourceRule<PartitionConfig>(
  {
    name: "slurm-walltime-fits",
    description: "A batch job states a time limit, and its partition allows it.",
    gotchas: ["SLURM2"],
    level: "advisory",
    defaults: { partitions: {} },
    config: partitionConfig,
  },
  (resource, config) => judgeScripts(resource, (submitted) => walltime(submitted, config)),
);

export const slurmStepsGetTheirCpus = resourceRule(
  {
    name: "slurm-steps-get-their-cpus",
    description: "A step started by srun gets the CPUs that its job was given.",
    gotchas: ["SLURM3"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => judgeScripts(resource, stepsWithoutCpus),
);

function* shortWarning({ where, script }: Submitted, { leadSeconds }: SignalConfig): Iterable<Finding> {
  const why = "at the limit there are 30 s between SIGTERM and SIGKILL, and a checkpoint that is not complete by then is torn";
  const instead = `#SBATCH --signal=B:USR1@${Math.max(leadSeconds, 360)}, the program in the background (& child=$!; wait $child), and a trap that hands it on: the program only sets a flag, and saves at the end of its step`;
  const signal = script.options.get("signal");
  if (signal === undefined) {
    yield { where: `${where} (#SBATCH --signal)`, what: "no warning before the time limit", why, gotchas: ["SLURM2"], instead };
    return;
  }
  const parsed = signalOf(signal);
  if (parsed !== null && parsed.leadSeconds >= leadSeconds) {
    if (diesOfItsWarning(script)) {
      yield {
        where: `${where} (#SBATCH --signal)`,
        what: `${parsed.signal} goes to the batch shell, and no trap there takes it`,
        why: "the shell dies of it and the job ends with it, earlier than without a warning: nothing is saved, copied or requeued",
        gotchas: ["SLURM2"],
        instead: `trap 'kill -${parsed.signal} $child' ${parsed.signal}, with the program in the background (& child=$!; wait $child); or --signal=${parsed.signal}@${parsed.leadSeconds} without B:, for a program started by srun that takes it`,
      };
    }
    return;
  }
  yield { where: `${where} (#SBATCH --signal)`, what: parsed === null ? `${signal} is no signal with a time` : `${parsed.leadSeconds} s of warning, and Slurm may be 60 s off`, why, gotchas: ["SLURM2"], instead };
}

/** scancel sends TERM, and a shell that dies of it runs its EXIT trap; a requeue there that asks first may be right. */
function* requeueOnTerm({ where, script }: Submitted): Iterable<Finding> {
  const again = programsOf(script).filter(({ words, trap, maybe }) => (trap?.includes("TERM") === true || (trap?.includes("EXIT") === true && !maybe)) && comesBack(words));
  for (const signal of new Set(again.map(({ trap }) => (trap?.includes("TERM") === true ? "TERM" : "EXIT")))) {
    yield {
      where: `${where} (trap ... ${signal})`,
      what: `the trap for ${signal} requeues the job`,
      why: `scancel sends TERM as well${signal === "EXIT" ? ", and a finished job exits too" : ""}: the ${signal === "EXIT" ? "ended" : "cancelled"} job goes back into the queue, and spends its allocation again and again`,
      gotchas: ["SLURM2"],
      instead: "requeue on USR1 (--signal=B:USR1@360), and only save and end on TERM",
    };
  }
}

/** By the scheduler, or by handing in the script that is running. */
function comesBack(words: readonly (readonly string[])[]): boolean {
  const line = words.map(([word = ""]) => word).join(" ");
  return /(^|[\s/])scontrol\b.*\srequeue(hold)?\b/.test(line) || /(^|[\s/])sbatch\b.*(\$\{0\}|\$0|BASH_SOURCE)/.test(line);
}

const partitionOf = ({ options }: BatchScript, { partitions }: PartitionConfig): { name: string; maxHours?: number; preemptMode?: string } => {
  const name = (options.get("partition") ?? "").split(",")[0] ?? "";
  return { name, ...(Object.hasOwn(partitions, name) ? partitions[name] : {}) };
};

function* vainRequeue({ where, script }: Submitted, config: PartitionConfig): Iterable<Finding> {
  const requeues = (script.options.has("requeue") && !script.options.has("no-requeue")) || /\bscontrol\s+requeue\b/.test(script.text);
  if (!requeues) return;
  const { name, preemptMode } = partitionOf(script, config);
  if (preemptMode === "CANCEL") {
    yield { where: `${where} (#SBATCH --requeue)`, what: `partition ${name} has PreemptMode CANCEL`, why: "a preempted job is cancelled there and not requeued, so nothing continues the run", gotchas: ["SLURM2"], instead: "a partition with PreemptMode REQUEUE, or a job that follows: sbatch --dependency=afterany:JOBID" };
  }
  if (script.options.get("open-mode") !== "append") {
    yield { where: `${where} (#SBATCH --open-mode)`, what: "a requeued job begins its log anew", why: "the log of the attempt that was interrupted is cut off, and with it the reason", gotchas: ["U3"], instead: "#SBATCH --open-mode=append" };
  }
}

function* walltime({ where, script }: Submitted, config: PartitionConfig): Iterable<Finding> {
  const given = script.options.get("time");
  const { name, maxHours } = partitionOf(script, config);
  if (given === undefined) {
    yield { where: `${where} (#SBATCH --time)`, what: "no time limit", why: "the partition's default applies, which may be minutes, or its maximum, which waits longest in the queue", gotchas: ["SLURM2"], instead: "#SBATCH --time=12:00:00, as long as one attempt should be" };
    return;
  }
  const seconds = secondsOf(given);
  if (maxHours === undefined || (seconds !== null && seconds <= maxHours * 3600)) return;
  yield { where: `${where} (#SBATCH --time)`, what: `${given}, and partition ${name} ends jobs after ${maxHours} h`, why: "the job is refused, or stays pending for ever with reason PartitionTimeLimit", gotchas: ["SLURM2"], instead: `#SBATCH --time=${maxHours}:00:00 with --requeue, or a longer partition` };
}

function* stepsWithoutCpus({ where, script: { text, options } }: Submitted): Iterable<Finding> {
  if (!options.has("cpus-per-task") || /SRUN_CPUS_PER_TASK=/.test(text)) return;
  for (const [, given = ""] of text.matchAll(/(?:^|\n)(?!\s*#)[^\n#]*?\bsrun\b([^\n]*)/g)) {
    if (/(?:^|\s)(?:-c\s*\S|--cpus-per-task)/.test(given)) continue;
    yield { where: `${where} (srun)`, what: "srun without --cpus-per-task", why: "since Slurm 22.05 a step does not inherit the job's: it runs on one CPU, and the loader starves the GPU", gotchas: ["SLURM3"], instead: "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK before srun" };
    return;
  }
}
