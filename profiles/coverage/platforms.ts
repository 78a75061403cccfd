/** What is done already about the gotchas of platforms other than Lambda: in plans, scripts and custody, which all share. */
import { custody, documented, imagesTorch, plan, preflight, provider, script, type Cover, type CoverageTable } from "./cover";

const REMOTE = "providers/ssh/remote.ts";
const warned = (how: string): Cover => plan("profiles/planning/triggers.ts", `${how} is warned about`, "unit/profiles/gotchas.test.ts: every known mistake of a platform is warned about by its id");
const keptTier = (how: string): Cover =>
  plan("profiles/planning/contradictions.ts", how, "unit/profiles/gotchas.test.ts: no platform plans its checkpoints onto a tier that its own end, or a doubt, takes away");
const resumes = script("remote/run_queue.sh", "a queue that died is started again, and its cells go on from their newest complete checkpoint", "remote/killed.test.ts: a queue killed in mid-cell is resumed by the next one, after its payload has ended");
const sameRegion = plan("profiles/planning/contradictions.ts", "candidates in another region than the storage are refused", "unit/profiles/resolve.test.ts: an instance is never planned in another region than its file system");
const memoryLimit = preflight("memory", "the limit that holds on the machine, against what the job asks for", "too little room, inodes or memory is refused with the numbers");
const loads = custody("custody/pull.ts", "a checkpoint that does not load is no copy, whoever says that it was saved", "custody/pull.test.ts: a checkpoint that does not load is no copy, however well its bytes match");

const onPlatforms = (file: string, how: string, name: string): Cover => plan(file, how, `unit/profiles/planOnPlatforms.test.ts: ${name}`);
const mistakes = "mistakes of each platform are warned about before money is spent";
const room = (how: string): Cover => onPlatforms("profiles/planning/disk.ts", how, "room is counted in bytes and in files, and said where it does not fit");
const priced = (how: string): Cover => onPlatforms("profiles/planning/cost.ts", how, "the cost counts disks and addresses that config asks for, by size class, and yuan at a bound");

const paperspace: CoverageTable = {
  PS1: [
    plan("profiles/paperspaceCore.ts", "switching off ends no bill for certain, and every verb says which meters go on", "unit/profiles/platforms.test.ts: Paperspace: a machine that is switched off counts as billing, compute included; only a delete ends that"),
    priced("disk, address and snapshots are part of the bounds and of a forgotten month"),
  ],
  PS2: [onPlatforms("profiles/planning/warnings.ts", "a timer that ends the run before its lease is said", "a clock that config sets is planned with its duration, and one that ends the run early is said so"), resumes],
  PS3: [keptTier("the run directory is derived below /storage"), warned("a setup that installs with plain pip")],
  PS4: [warned("a setup or command that uses the switched-off `gradient` tool")],
  PS5: [sameRegion],
  PS6: [priced("a static address is part of the bounds and of a forgotten month")],
  PS7: [onPlatforms("profiles/planning/warnings.ts", "the free plan is warned about as public, with the secrets that the job names", mistakes)],
  PS8: [documented("the free pool's queue is Paperspace's own; capacity.maxWaitMinutes ends the waiting")],
  PS9: [plan("profiles/paperspaceCore.ts", "a snapshot is never the durable tier, and its meter counts as running after a delete", "unit/profiles/platforms.test.ts: Paperspace: a snapshot is never the only copy, and is never forgotten by the bill")],
  PS10: [room("what the cells need is held against the plan's allowance")],
  PS11: [warned("a setup that installs a driver")],
  PS13: [preflight("gpu", "the driver must answer a CUDA call of the job's own framework", "a GPU that is absent, too few, fallen off the bus or unusable is refused"), preflight("inodes", "disk and inodes are measured before a cell starts", "too little room, inodes or memory is refused with the numbers")],
};

const autodl: CoverageTable = {
  AD1: [
    plan("profiles/resolve.ts", "the line that sources the accelerator is part of the plan", "unit/profiles/gotchas.test.ts: what a platform needs before a download, and where its panel reads, is part of the plan"),
    script("remote/lib/payload.sh", "it is sourced before every command, setup and fetch", "remote/environment.test.ts: the platform's proxy reaches every command, and one that is not there ends none"),
  ],
  AD2: [warned("a download from Hugging Face that may take the unmirrored store")],
  AD3: [sameRegion],
  AD4: [
    room("files are counted against the tier's cap as well as bytes"),
    preflight("inodes", "free files of the real mount are counted before anything starts", "too little room, inodes or memory is refused with the numbers"),
    script("remote/run_one.sh", "free inodes are a floor before every cell", "remote/tier.test.ts: a cell does not start without inodes for its files"),
  ],
  AD5: [plan("profiles/resolve.ts", "HF_HOME is set to a named place", "unit/profiles/gotchas.test.ts: the model cache has a named place on every platform")],
  AD6: [preflight("python", "the interpreter of the profile must run", "an interpreter that is missing is refused, one that is not needed is not"), warned("a setup that builds a conda environment")],
  AD7: [
    plan("profiles/resolve.ts", "the folder that the panel reads is part of the plan", "unit/profiles/gotchas.test.ts: what a platform needs before a download, and where its panel reads, is part of the plan"),
    script("remote/lib/payload.sh", "a link leads from there to the cell's curves", "remote/environment.test.ts: curves are artifacts, and the platform's panel finds them"),
  ],
  AD8: [memoryLimit, script("remote/heartbeat.sh", "memory is told with the limit that holds here", "remote/killed.test.ts: the heartbeat does not outlive its queue")],
  AD9: [imagesTorch, warned("a setup that installs torch, or a whole requirements file,")],
  "AD-DANGER": [
    plan("profiles/autodl.ts", "the release is a clock of the plan, with the tiers it takes; the run directory is on the shared file system, which it spares", "unit/profiles/platforms.test.ts: AutoDL: switching off keeps every disk, the release clock does not, and an official API exists"),
    warned("a setup or command that switches the instance off"),
  ],
};

const anyHost: CoverageTable = {
  GEN1: [
    plan("profiles/ssh.ts", "what only the provider knows counts as billing until somebody says otherwise", "unit/profiles/platforms.test.ts: generic SSH: what only the provider knows counts as lost and as billing"),
    plan("profiles/planning/cost.ts", "the price of a forgotten month is part of the plan", "unit/profiles/resolve.test.ts: the worst case is the dearest candidate for the whole lease, with storage"),
  ],
  GEN2: [
    preflight("tmux", "without tmux the start is refused", "the programs that a run stands on are looked for"),
    script("remote/run_queue.sh", "a hang-up of the terminal does not reach the training", "remote/stop.test.ts: a hang-up of the terminal does not end the training"),
    warned("a command that detaches by itself"),
  ],
  GEN3: [
    preflight("rsync", "without rsync the start is refused, because nothing else resumes a pull", "the programs that a run stands on are looked for"),
    custody("custody/pull.ts", "pulls are resumed by the same command", "custody/pull.test.ts: a transfer that is cut leaves no receipt, and the next one goes on from there"),
  ],
  GEN4: [script("remote/lib/payload.sh", "a file with CRLF line ends is refused by name before it runs", "remote/queue.test.ts: a command stored with CRLF fails with the reason instead of training something else"), warned("a setup with Windows line ends")],
  GEN5: [
    preflight("gpu", "a CUDA call through the job's own framework, on the machine that trains", "a GPU that is absent, too few, fallen off the bus or unusable is refused"),
    preflight("python", "its interpreter, on the machine that trains", "an interpreter that is missing is refused, one that is not needed is not"),
    memoryLimit,
  ],
  GEN6: [
    resumes,
    script("remote/lib/lock.sh", "a lock from before the reboot is taken over", "remote/lock.test.ts: a lock from before a reboot is taken over"),
    script("remote/run_one.sh", "a share that is not mounted after a reboot stops the cell instead of filling a folder", "remote/tier.test.ts: a share that is not mounted after a reboot is not replaced by a folder on the own disk"),
  ],
  GEN7: [script("remote/run_queue.sh", "one run has one writer, and its cells run one after the other", "remote/lock.test.ts: of two queues started at once, one trains and the other is told why not")],
  GEN8: [
    provider(REMOTE, "a connection that ends is unknown, neither failure nor success", "integration/ssh/remote.test.ts: a connection that dies in the middle is unknown, neither failure nor success"),
    script("remote/status.sh", "what lives is told by lock and process on the machine itself", "remote/status.test.ts: a payload whose queue was killed still counts as a writer"),
    custody("custody/decide.ts", "a machine that does not answer is no permission to delete anything", "custody/decide.test.ts: an unreachable machine is accepted only by name, and only with a receipt for the newest known manifest"),
  ],
};

const slurm: CoverageTable = {
  SLURM1: [loads],
  SLURM2: [
    onPlatforms("profiles/planning/warnings.ts", "a warning signal that leaves less than one checkpoint and its own slack is pointed out", mistakes),
    script("remote/lib/payload.sh", "the cadence is by time, so the warning before the limit is never the only chance to save", "remote/queue.test.ts: an environment file cannot point a cell at another cell's folder"),
  ],
  SLURM3: [warned("an srun without -c")],
  SLURM4: [memoryLimit],
  SLURM5: [
    plan("profiles/slurm.ts", "the run directory is derived on the parallel file system; what is local to a node counts as lost at every end", "unit/profiles/platforms.test.ts: Slurm: node-local scratch is lost at every end of a job, and the purge can take the parallel file system"),
    warned("a command that names $TMPDIR"),
  ],
};

const kubernetes: CoverageTable = {
  K8S1: [documented("why a pod waits is known to the cluster alone; `kubectl describe node` shows a device plugin that is down as 0 allocatable GPUs")],
  K8S3: [plan("profiles/input/kubernetesConfig.ts", "an image is named by its digest", "unit/profiles/cluster.test.ts: an image by tag, and a grace of nothing, are refused in the config")],
  K8S5: [
    keptTier("the run directory is derived on the claim"),
    plan("profiles/planning/warnings.ts", "a grace shorter than one checkpoint is warned about", "unit/profiles/cluster.test.ts: Kubernetes: a grace shorter than one checkpoint is warned about"),
    plan("profiles/resolve.ts", "HF_HOME is set to a named place on the claim", "unit/profiles/gotchas.test.ts: the model cache has a named place on every platform"),
  ],
  K8S6: [preflight("gpu", "a CUDA call where the job runs, through its own framework, refuses a start without a GPU", "a GPU that is absent, too few, fallen off the bus or unusable is refused")],
};

const notebooks: CoverageTable = {
  NB1: [loads],
  NB2: [plan("profiles/kaggle.ts", "a session that does not end by itself counts as losing its output", "unit/profiles/notebooks.test.ts: Kaggle: the output is kept by a session that ends by itself, and by nothing else"), room("what the cells need is held against the 20 GB of an output")],
  NB3: [plan("profiles/planning/warnings.ts", "a setup that downloads while internet is off is warned about", "unit/profiles/notebooks.test.ts: Kaggle: a setup that downloads without internet is warned about")],
  NB4: [keptTier("the run directory is derived on Drive, or on the version's output")],
  NB5: [plan("profiles/resolve.ts", "the cadence of checkpoints counts on no grace", "unit/profiles/notebooks.test.ts: notebooks: no grace before an end, so the cadence counts on none")],
};

export const platformCoverage: CoverageTable = { ...paperspace, ...autodl, ...anyHost, ...slurm, ...kubernetes, ...notebooks };
