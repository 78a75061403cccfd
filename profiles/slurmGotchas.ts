/** What goes wrong on Slurm, by the ids that messages, policies and documents use. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const community: Evidence = { source: "community-profile", verified: "2026-06" };
const seenRunning: Evidence = { source: "seen-running", verified: "2026-08" };

export const slurmGotchas: ProfileInput["gotchas"] = [
  {
    id: "SLURM1",
    statement: "A checkpoint written inside a signal handler can be torn: the handler runs between any two instructions, also in the middle of a step.",
    handled: [
      { by: "policy", ref: "work-resumes-after-interruption", how: "a run that is interrupted and does not resume is found at preview" },
      { by: "documentation", ref: "explain", how: "the handler sets a flag, and the trainer saves at the end of a step" },
      { by: "custody", ref: "verify", how: "a torn checkpoint fails to load before it can count as pulled" },
    ],
    ...community,
  },
  {
    id: "SLURM2",
    statement: "The warning before the time limit comes up to 60 seconds early or late, and the kill follows after KillWait, half a minute by default: a slow save is cut off.",
    handled: [
      { by: "policy", ref: "slurm-signal-leaves-time", how: "a batch script without a warning that leaves time for a checkpoint is found at preview" },
      { by: "plan", ref: "resolve", how: "slurm.signalLeadSeconds shorter than one checkpoint and 90 seconds of slack is warned about" },
      { by: "script", ref: "run_one.sh", how: "checkpoints are also written by time, so the warning is never the only chance" },
    ],
    ...community,
  },
  {
    id: "SLURM3",
    statement: "Since Slurm 22.05 an srun inside a batch script no longer takes over --cpus-per-task and sees one CPU.",
    handled: [
      { by: "plan", ref: "resolve", how: "an srun without -c is warned about" },
      { by: "policy", ref: "slurm-steps-get-their-cpus", how: "an srun without its CPUs in a batch script is found at preview" },
    ],
    triggers: [{ in: "command", pattern: "\\bsrun\\b(?![^;&|]*\\s(-c\\s*\\S|--cpus-per-task))", warning: "starts srun without -c: since Slurm 22.05 such a step sees one CPU; write srun -c $SLURM_CPUS_PER_TASK" }],
    ...community,
  },
  {
    id: "SLURM4",
    statement: "Out of memory is a state of the job and no traceback: the log just ends.",
    handled: [
      { by: "script", ref: "heartbeat.sh", how: "memory against the limit of the cgroup is in every heartbeat" },
      { by: "documentation", ref: "explain", how: "sacct -o State,MaxRSS,ReqMem names it; raise --mem by what MaxRSS says, do not shrink the batch" },
    ],
    ...community,
  },
  {
    id: "SLURM5",
    statement: "$TMPDIR is local to a node and wiped when the job ends: a requeued job finds it empty.",
    handled: [
      { by: "policy", ref: "slurm-checkpoints-off-node", how: "a batch script that checkpoints to node-local scratch is found at preview" },
      { by: "plan", ref: "resolve", how: "the run directory is derived on the parallel file system; a command that names $TMPDIR is warned about" },
      { by: "policy", ref: "checkpoints-survive-teardown", how: "a durable tier that the end of the job erases fails the preview" },
    ],
    triggers: [{ in: "command", pattern: "\\$\\{?TMPDIR\\b", warning: "names $TMPDIR, which is wiped when the job ends: only scratch belongs there" }],
    ...seenRunning,
  },
];
