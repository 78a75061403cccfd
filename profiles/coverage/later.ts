/**
 * What waits for a platform that has a profile and no provider yet. The one place for it: who builds a platform moves its
 * lines into the coverage table, with code and test, and deletes them here.
 */

export interface Awaited {
  /** Gotcha id to what the platform's provider or scripts will do about it. */
  readonly [id: string]: string;
}

/** By the profile's id; empty once everything is built. */
export const later: Readonly<Record<string, Awaited>> = {
  paperspaceCore: {
    PS1: "the billing audit lists disks, addresses, snapshots and shared drives that outlive the machine, with their prices",
    PS2: "the auto-shutdown is set with the machine and read back; an end by it is told from a crash",
    PS5: "a disk that config makes smaller is refused before the API is asked",
    PS6: "the address is read again after every start",
    PS9: "snapshots are listed by machine after every delete",
    PS11: "preflight compares the driver with the framework on the machine",
  },
  paperspaceGradient: {
    PS3: "setup runs again after every start of a notebook",
    PS4: "only the current API is called",
    PS7: "a notebook of the free plan is created only when config says that it may be public",
    PS8: "a notebook that stays pending is given up after capacity.maxWaitMinutes",
    PS10: "what /storage holds is measured against the plan's allowance before a cell starts",
    PS12: "images go to the API by digest, and registry credentials from the environment",
  },
  autodl: {
    AD1: "the accelerator is sourced before any download of the tool itself",
    AD3: "storage of the region is initialised before the instance starts",
    "AD-DANGER": "a switched-off instance is listed with the date of its release, and a watch starts it in time or says so",
  },
  ssh: {
    GEN1: "the end of a run on a machine that cannot be returned by an API is recorded as an owned leftover with its price",
    GEN7: "processes of others on the GPU are listed before a start",
  },
  slurm: {
    SLURM1: "the batch script's trap sets a flag and starts no save by itself",
    SLURM2: "--signal is sent with its slack, and the requeue is tested against the kill",
    SLURM3: "the generated srun names processors and GPUs",
    SLURM4: "the scheduler's own state of the job is read, so a kill for memory has its name",
  },
  kubernetes: {
    K8S1: "events of a pending pod are read and told in words",
    K8S2: "the generated Job has restartPolicy Never and a podFailurePolicy",
    K8S3: "events of a failed pull are read and told in words",
    K8S4: "a node that is lost is told, with the command that releases its volume",
    K8S5: "the generated Job has an ephemeral-storage limit and sized scratch volumes",
    K8S6: "the preflight runs in the container before the first cell",
  },
  colab: {
    NB1: "the generated notebook flushes, unmounts and lists again after each checkpoint",
    NB5: "the generated notebook ends itself before the cap and the next one resumes",
  },
  kaggle: {
    NB2: "the generated notebook catches the failure of a cell, keeps its output and prints the exit code last",
    NB3: "the push names accelerator and internet, and the first cell asks CUDA",
    NB5: "sessions are chained from one output to the next",
  },
};

/** Resources that do not exist yet, and how rules will judge them when a program uses them outside of a run. By the profile's id. */
export const laterResources: Readonly<Record<string, string>> = {
  paperspaceCore: "machine, snapshot, address, drive and startup script: lock, gate and audit; auto-shutdown set; region of drive and machine; whatever bills on without an owner",
  paperspaceGradient: "notebook and deployment: the plan's cap against the run, what lies in the workspace, and secrets in a public notebook",
};
