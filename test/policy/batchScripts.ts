/** Batch scripts in the commands of a program, each with the rule that it must trip. */
import type { StackEntry } from "./judging";

const script = (changes: { readonly options?: string; readonly body?: string }): string =>
  `cat > job.sh <<'EOF'\n#!/bin/bash\n#SBATCH --partition=gpu --time=04:00:00 --signal=B:USR1@360 --open-mode=append ${changes.options ?? ""}\n${changes.body ?? "python3 train.py --checkpoint-dir=/scratch/run"}\nEOF\nsbatch job.sh\n`;

const submitted = (name: string, rule: string, create: string): { readonly rule: string; readonly entry: StackEntry } => ({ rule, entry: { type: "command:remote:Command", name, props: { create } } });

export const batchScripts = () => [
  submitted("on-the-node", "slurm-checkpoints-off-node", script({ body: "python3 train.py --checkpoint-dir=$TMPDIR/run" })),
  submitted("late-warning", "slurm-signal-leaves-time", script({ options: "--signal=B:USR1@70" })),
  submitted("undead", "slurm-cancel-stays-cancelled", script({ body: "trap 'scontrol requeue $SLURM_JOB_ID' TERM\npython3 train.py" })),
  submitted("cancelled", "slurm-requeue-works", script({ options: "--requeue" })),
  submitted("too-long", "slurm-walltime-fits", script({ options: "--time=48:00:00" })),
  submitted("one-cpu", "slurm-steps-get-their-cpus", script({ options: "--cpus-per-task=8", body: "srun python3 train.py" })),
];
