/** Which paths of a cluster lie on the node alone, and are wiped with the job. Pure. */

export interface SiteConfig {
  /** Further folders that are local to a node: /raid. */
  readonly nodeLocal: readonly string[];
  /** Folders that are shared here, whatever they are called. */
  readonly shared: readonly string[];
}

const VARIABLES = /^\$\{?(TMPDIR|SLURM_TMPDIR|TMP|TEMP|TEMPDIR|LOCAL_SCRATCH|SCRATCH_LOCAL|LOCALSCRATCH|LSCRATCH|L_SCRATCH|SLURM_LOCAL_SCRATCH|JOBFS|PBS_JOBFS|SLURM_JOBFS|LOCALDIR|LOCAL_DIR|LOCALTMP|SLURM_JOB_TMP|JOB_TMP|JOBTMP|JOB_SCRATCH_LOCAL|XDG_RUNTIME_DIR)(?!\w)/;
const FOLDERS = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/local", "/localscratch", "/local_scratch", "/local-scratch", "/localdisk", "/lscratch", "/ltmp", "/jobfs", "/scratch/local", "/scratch-local", "/scratch_local", "/mnt/local", "/mnt/localdisk", "/mnt/nvme", "/nvme", "/localssd"];

export function isNodeLocal(path: string, { nodeLocal, shared }: SiteConfig): boolean {
  if (shared.some((folder) => isWithin(path, folder))) return false;
  return VARIABLES.test(path) || [...FOLDERS, ...nodeLocal].some((folder) => isWithin(path.replace(/^file:\/\//, ""), folder));
}

/** Variables are compared by name: `$SCRATCH` and `${SCRATCH}` are one. */
export function isWithin(path: string, folder: string): boolean {
  const [inner, outer] = [path, folder].map((each) => each.replaceAll(/\$\{(\w+)\}/g, "$$$1").replace(/(.)\/+$/, "$1"));
  return inner !== undefined && outer !== undefined && (inner === outer || inner.startsWith(`${outer}/`));
}
