/**
 * A Slurm cluster: the scheduler owns a job's life. It costs a quota instead of money, ends at its walltime, and keeps only
 * what lies on the parallel file system. Sites differ: what a site decides must be looked up.
 */
import { defineProfile } from "./defineProfile";
import { known, mustProbe, notApplicable, type Evidence } from "./fact";
import { slurmGotchas } from "./slurmGotchas";

const docs: Evidence = { source: "slurm-docs", verified: "2026-06" };
const seen: Evidence = { source: "seen-running", verified: "2026-08" };
const community: Evidence = { source: "community-profile", verified: "2026-06" };
const site: Evidence = { source: "assumption", verified: "2026-08", note: "Every site decides for itself." };

const lost = known("lost", seen);
const kept = known("kept", community);
const untouched = notApplicable("the verb does not touch it", community);
const noStop = notApplicable("a job is suspended or ended, a node is not stopped", docs);
const quota = notApplicable("no money is counted", community);
const stops = known({ effect: "stops" }, community);

export const slurm = defineProfile({
  id: "slurm",
  title: "Slurm cluster",
  kind: "slurm",
  summary: "Jobs are handed to a scheduler, which ends them at their walltime and can preempt them. There is nothing to tear down: the job ends and its quota stops. Only the parallel file system outlives the job; $TMPDIR is wiped.",
  announce: [
    "The walltime ends the job, finished or not: ask for a warning signal, save, and requeue.",
    "$TMPDIR is wiped at the end of every job; checkpoints go to the parallel file system.",
    "Many sites delete old files on scratch: read the site's rules, pull early.",
    "Use USR1 for \"time is up\" and TERM for \"stop\": a TERM trap that requeues undoes scancel.",
  ],
  sources: {
    "slurm-docs": { title: "Slurm's manual pages: sbatch, scancel, slurm.conf, gres", url: "https://slurm.schedmd.com/" },
    "seen-running": { title: "A two-node Slurm 22.05 that was started for this, and measured" },
    "community-profile": { title: "A public guide to training under Slurm, June 2026" },
    assumption: { title: "Holdfast's own assumption, for want of a published number" },
  },
  roles: [
    { role: "instance", title: "job", end: { when: "always", verb: "scancel" }, naming: null },
    { role: "storage", title: "run's directory", end: { when: "storage", verb: "removeDirectory" }, naming: null },
  ],
  tiers: [
    {
      id: "nodeLocal",
      title: "node-local scratch",
      role: "instance",
      path: { template: "$TMPDIR", ...community, note: "With job_container/tmpfs also /tmp: private to the job, deleted with it." },
      survives: { processExit: known(false, { ...seen, note: "The end of the batch script is the end of the job." }), reboot: known(false, seen), stop: noStop, destroy: known(false, seen) },
      capBytes: mustProbe("df $TMPDIR inside a job", site),
      capInodes: mustProbe("df -i $TMPDIR inside a job", site),
      shared: known(false, community),
      lockedTo: known("instance", community),
      attach: known("builtIn", community),
      gotchas: ["SLURM5"],
    },
    {
      id: "shared",
      title: "parallel file system",
      role: "storage",
      path: { template: "{durablePath}", ...community, note: "Usually /scratch/$USER; slurm.durablePath says it." },
      survives: { processExit: known(true, community), reboot: known(true, community), stop: noStop, destroy: known(true, community) },
      capBytes: mustProbe("the site's quota command, or df", site),
      capInodes: mustProbe("the site's quota command: parallel file systems count files", site),
      shared: known(true, community),
      lockedTo: known("cluster", community),
      attach: known("builtIn", community),
      gotchas: ["SLURM5"],
    },
  ],
  meters: [
    {
      id: "compute",
      title: "allocation",
      role: "instance",
      rate: known({ kind: "quota", what: "GPU hours of the account, fair share" }, community),
      from: known("the job's start", community),
      until: known("the job's end", community),
      incrementSeconds: mustProbe("sacctmgr, sshare", site),
      capUsdPerMonth: quota,
    },
    {
      id: "storage",
      title: "space on the parallel file system",
      role: "storage",
      rate: known({ kind: "quota", what: "the account's space and file quota" }, site),
      from: known("the first byte", community),
      until: known("deletion of the files, by you or by the site's purge", site),
      incrementSeconds: quota,
      capUsdPerMonth: quota,
    },
    { id: "egress", title: "network transfer", role: "instance", rate: known({ kind: "free" }, site), from: quota, until: quota, incrementSeconds: quota, capUsdPerMonth: quota },
  ],
  verbs: [
    {
      verb: "scancel",
      on: "instance",
      title: "cancel the job",
      how: "scancel JOBID; first scontrol update job=JOBID requeue=0, so that no trap puts it back",
      use: "teardown",
      event: "destroy",
      irreversible: known(true, docs),
      tiers: { nodeLocal: lost, shared: kept },
      meters: { compute: stops, storage: known({ effect: "continues" }, site), egress: untouched },
      gotchas: ["SLURM1", "SLURM5"],
    },
    {
      verb: "requeue",
      on: "instance",
      title: "put the job back into the queue",
      how: "scontrol requeue JOBID: it starts from its beginning under the same id",
      use: "operate",
      event: "destroy",
      irreversible: known(true, docs),
      tiers: { nodeLocal: lost, shared: kept },
      meters: { compute: known({ effect: "continues" }, { ...docs, note: "The job waits and then runs again on the same account; only the wait costs nothing." }), storage: known({ effect: "continues" }, site), egress: untouched },
      gotchas: ["SLURM1", "SLURM5"],
    },
    {
      verb: "logout",
      on: "instance",
      title: "closing the login session",
      how: "exit",
      use: "trap",
      event: null,
      irreversible: known(false, community),
      tiers: { nodeLocal: known("kept", { ...community, note: "A batch job goes on. A bare srun dies with its terminal." }), shared: kept },
      meters: { compute: known({ effect: "continues" }, community), storage: known({ effect: "continues" }, site), egress: untouched },
      gotchas: [],
    },
    {
      verb: "removeDirectory",
      on: "storage",
      title: "remove the run's directory",
      how: "rm -r of the run's directory below slurm.durablePath, on a login node",
      use: "teardown",
      event: null,
      irreversible: known(true, site),
      tiers: { nodeLocal: untouched, shared: known("lost", site) },
      meters: { compute: untouched, storage: stops, egress: untouched },
      gotchas: [],
    },
  ],
  clocks: [
    {
      id: "walltime",
      statement: "At its walltime the job gets TERM, and after KillWait it is killed: what is not on the parallel file system is gone.",
      from: "launch",
      defaultSeconds: mustProbe("scontrol show partition: DefaultTime", site),
      range: mustProbe("scontrol show partition: MaxTime", site),
      settable: known("slurm.time, which becomes #SBATCH --time", docs),
      effect: "destroy",
      gotchas: ["SLURM2", "SLURM5"],
    },
    {
      id: "preemption",
      statement: "A job of higher priority can end this one: requeued or cancelled, as the partition's PreemptMode says, after GraceTime.",
      from: "unknown",
      defaultSeconds: mustProbe("scontrol show partition: PreemptMode and GraceTime", site),
      range: mustProbe("scontrol show partition", site),
      settable: known("by the choice of slurm.partition and slurm.qos", docs),
      effect: "destroy",
      gotchas: ["SLURM1", "SLURM2"],
    },
    {
      id: "scratchPurge",
      statement: "Many sites delete files on scratch that nobody read or wrote for some weeks: the parallel file system is no archive.",
      from: "finish",
      defaultSeconds: mustProbe("the site's storage rules", site),
      range: mustProbe("the site's storage rules", site),
      settable: mustProbe("a project space without purge, if the site has one: slurm.durablePath", site),
      effect: "destroy",
      alsoLoses: ["shared"],
      gotchas: ["SLURM5"],
    },
  ],
  limits: [
    { id: "killWait", statement: "Seconds between TERM and KILL at the time limit.", value: known(30, docs), unit: "seconds", gotchas: ["SLURM2"] },
    { id: "signalSlack", statement: "The warning signal may come this much early or late.", value: known(60, docs), unit: "seconds", gotchas: ["SLURM2"] },
    { id: "maxJobs", statement: "Jobs and GPUs per user are limited by the account's QOS.", value: mustProbe("sacctmgr show qos", site), unit: "count" },
    { id: "walltimeMax", statement: "The longest walltime of the partition.", value: mustProbe("scontrol show partition: MaxTime", site), unit: "seconds" },
  ],
  channels: [
    { id: "ssh", kind: "ssh", flavour: "directTcp", endpoint: "<slurm.user>@<slurm.host>, a login node", port: known(22, community), carriesFiles: known(true, community), auth: "as the site says: key, password, second factor", ...community },
    { id: "sbatch", kind: "scheduler", flavour: "local", endpoint: "sbatch, squeue, sacct, scancel on the login node", port: notApplicable("a local program", docs), carriesFiles: known(false, docs), auth: "the login", gotchas: ["SLURM3"], ...docs },
    { id: "slurmrestd", kind: "rest", flavour: "local", endpoint: "slurmrestd, where the site runs it", port: mustProbe("ask the site", site), carriesFiles: known(false, seen), auth: "a munge socket or a JWT", ...seen },
  ],
  detach: {
    primitive: "sbatch",
    fallback: null,
    survives: {
      disconnect: known(true, docs),
      reboot: known(false, { ...docs, note: "A job whose node fails is requeued where JobRequeue allows it, and starts from its beginning." }),
      stop: noStop,
    },
    gotchas: ["SLURM5"],
  },
  interruption: {
    model: "Walltime and preemption: TERM, then KILL after KillWait; with --signal=B:USR1@SECONDS a warning to the batch shell before.",
    spot: mustProbe("scontrol show partition: PreemptMode", site),
    graceSeconds: known(30, { ...docs, note: "KillWait's default; GraceTime of the partition comes before it when it preempts." }),
    meanHoursBetween: mustProbe("sacct -S: how often jobs of this partition end as PREEMPTED, NODE_FAIL or TIMEOUT", site),
    resume: "The requeued script starts from its beginning and loads the newest complete checkpoint; key checkpoints by run, job ids start again.",
    gotchas: ["SLURM1", "SLURM2"],
  },
  host: {
    user: mustProbe("slurm.user in the stack's config", community),
    home: mustProbe("echo $HOME", community),
    root: known("none", community),
    interpreter: known("python3", { ...community, note: "Usually after a module load, in setup." }),
    environmentContract: "No root: software comes from `module load`, a venv on the shared file system, or Apptainer. Docker is usually not there.",
    sshPort: known(22, community),
    address: known({ whileItLives: "changesOnStart", survivesRelaunch: false }, { ...community, note: "Of the node; the login node stays." }),
    proxyHook: mustProbe("whether compute nodes reach the internet: ask the site, download on the login node otherwise", site),
    mirrorNeeded: mustProbe("ask the site", site),
    cudaMax: mustProbe("nvidia-smi inside a job", community),
    localNvme: mustProbe("df -T $TMPDIR inside a job", site),
    caches: [{ variable: "HF_HOME", path: "{mount}/.cache/huggingface", tier: "shared", why: "shared by all nodes, and off the small home quota" }],
    credentialPlace: known("the home directory on the login node, mode 0600", community),
    tensorboard: known({ directory: null, port: 6006 }, community),
    openPorts: notApplicable("compute nodes are reached through the login node only", community),
    conveniences: [
      { statement: "A batch job needs no tmux: it outlives the login by itself.", ...docs },
      { statement: "Arrays (--array=0-15%4) and dependencies are built in.", ...docs },
    ],
  },
  gotchas: slurmGotchas,
  durable: { tier: "shared", mountFrom: "{durablePath}" },
  ownDisk: { tier: "nodeLocal" },
});
