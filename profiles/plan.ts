/**
 * The plan: a job request resolved against a platform's profile. Plain JSON (no undefined, no Date), because it is
 * an input of resources, is kept in the ledger, and is what policies judge. It never holds a secret's value.
 */
import type { RunRef } from "../custody/formats";

/** Stands for the durable tier's mount point in path templates; replaced once the mount point is known. */
export const MOUNT = "{mount}";

export interface Plan {
  readonly v: 1;
  readonly run: RunRef;
  readonly platform: string;
  /** Where checkpoints and everything else the run keeps are written. */
  readonly durable: PlanDurable;
  /** The instance's own disk: code, scripts, secrets file. Dies with the instance unless the profile says otherwise. */
  readonly ownDisk: { readonly tier: string; readonly home: string };
  readonly host: PlanHost;
  readonly cells: readonly PlanCell[];
  /** Environment of every cell. Literal values; secrets are named in `secretNames`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secretNames: readonly string[];
  /** A POSIX sh snippet run once per instance before the first cell. */
  readonly setup: string | null;
  /** Packages that are installed before it. */
  readonly lock: PlanLock | null;
  /** Bound on both. */
  readonly setupMaxSeconds: number;
  readonly inputs: readonly PlanInput[];
  readonly resources: PlanResources;
  readonly checkpoint: PlanCheckpoint;
  /** What the cells will store durably; null where the job does not say how large a checkpoint is. */
  readonly disk: PlanDisk | null;
  readonly teardown: PlanTeardown;
  readonly storage: PlanStorage;
  readonly capacity: PlanCapacity;
  readonly budget: { readonly maxUsd: number | null; readonly maxHours: number | null };
  readonly clocks: readonly PlanClock[];
  readonly cost: PlanCost;
  /** Sentences for the person; nothing here blocks. */
  readonly warnings: readonly string[];
  /** Ids of the platform's gotchas that this plan touches, sorted. */
  readonly gotchas: readonly string[];
  readonly disposable: { readonly maxHours: number } | null;
}

export interface PlanDurable {
  /** Tier id of the profile. */
  readonly tier: string;
  /** A resource's output that holds the mount point (`filesystem.mountPoint`), or an absolute path. */
  readonly mountFrom: string;
  /** `{mount}/holdfast/<project>/<stack>/<name>`. */
  readonly runDirectoryTemplate: string;
}

export interface PlanHost {
  readonly user: string;
  readonly sshPort: number;
  readonly python: string;
  /** False: read the address again after every launch. */
  readonly addressSurvivesRelaunch: boolean;
  readonly detach: string;
  /** sh line to source before any download, null where egress is direct. */
  readonly proxyHook: string | null;
  /** Environment variables that move caches to a chosen tier; values may contain `{mount}`. */
  readonly cacheEnvironment: Readonly<Record<string, string>>;
  /** `{mount}`-template or absolute path where curves should be written; null: no place is prescribed. */
  readonly tensorboardDirectory: string | null;
  readonly openPorts: readonly number[];
}

export interface PlanCell {
  readonly name: string;
  /** One POSIX sh line: the job's command, then the cell's arguments, quoted. */
  readonly command: string;
  /** Globs relative to the cell's directory. `keep` wins over `scratch`; what neither names is kept. */
  readonly keep: readonly string[];
  readonly scratch: readonly string[];
  /** Globs that must each match a file once the cell is complete. */
  readonly expected: readonly string[];
  /** sha256 of the canonical form of {command, args, env}: what the cell is. A started one cannot become another. */
  readonly configSha256: string;
  /** sha256 of the canonical form of {code, setup}: what it is run with. A started cell stays with what it started with. */
  readonly codeSha256: string;
  /** Names of the inputs that it reads. */
  readonly inputs: readonly string[];
  /** What it reads, by content (sha256 of the canonical list of names with hashes); a started cell cannot read something else. null: no inputs. */
  readonly inputsSha256: string | null;
}

/** A lock file of the job's code, in pip's requirements format. */
export interface PlanLock {
  /** Relative to the code directory. */
  readonly path: string;
  readonly sha256: string;
  readonly packages: number;
  /** Pins of it that are left to the image where that has the package: `torch==2.6.0`. */
  readonly frameworks: readonly string[];
}

/** Something that cells read, and where it comes from. It is no artifact: its content is named by a hash instead of being kept. */
export interface PlanInput {
  readonly name: string;
  /** Variable that holds the absolute path of the file or folder for the payload. */
  readonly variable: string;
  readonly kind: "local" | "url" | "bucket" | "instance";
  /** local: relative to the project's root. url, bucket: as typed. instance: absolute path there. */
  readonly source: string;
  readonly mode: "mount" | "copy" | "cached";
  /** Of a file its sha256, of a folder that of its sorted lines `<sha256>  <path>`; null: not known before it is fetched. */
  readonly sha256: string | null;
  /** null: not known in advance. */
  readonly bytes: number | null;
  readonly files: number | null;
  /** Name of the secret that is sent as bearer token. */
  readonly token: string | null;
  /** Bound on bringing it. */
  readonly maxSeconds: number;
}

/** Lower bounds. */
export interface PlanResources {
  readonly gpu: { readonly names: readonly string[]; readonly count: number; readonly memoryGiB: number | null } | null;
  readonly cpus: number | null;
  readonly memoryGiB: number | null;
  readonly diskGiB: number | null;
}

export interface PlanCheckpoint {
  readonly everySeconds: number;
  /** The same in whole steps, rounded down: for `save_steps` of a trainer. null: the job does not say how long a step takes. */
  readonly everySteps: number | null;
  readonly costSeconds: number;
  readonly meanSecondsBetweenInterruptions: number;
  /** Fraction of the paid time spent writing checkpoints or repeating lost work. */
  readonly expectedWaste: number;
  readonly source: "override" | "young-daly";
}

/** Room that is needed on the durable tier at once, as an upper bound. */
export interface PlanDisk {
  /** One checkpoint per cell that stays. */
  readonly checkpointBytes: number;
  /** The next checkpoint of the running cell, written beside the last before that one goes. */
  readonly rollingBytes: number;
  /** Caches that the plan puts on the durable tier. */
  readonly cacheBytes: number;
  /** Inputs that are cached there, as far as their size is known. */
  readonly inputBytes: number;
  readonly bytes: number;
  readonly files: number;
  /** The tier's caps, null where they must be looked up on the machine. */
  readonly capBytes: number | null;
  readonly capInodes: number | null;
}

export interface PlanTeardown {
  /** What is done to the instance at the end of the run. */
  readonly verb: string;
  readonly storage: "keep" | "delete";
  readonly require: "pulled" | "verifiedInPlace";
  /** Everything that goes at the end of the run, in the order of loss: the instance first. */
  readonly deletions: readonly PlanDeletion[];
}

export interface PlanDeletion {
  readonly role: string;
  readonly verb: string;
  readonly irreversible: boolean;
  readonly tiersLost: readonly string[];
  readonly tiersKept: readonly string[];
  /** Tiers that were known to be kept when somebody last looked, more than twelve months ago: take them for lost. */
  readonly tiersInDoubt: readonly string[];
  /** Every meter of the platform after this verb. */
  readonly metersAfter: readonly PlanMeterAfter[];
}

export interface PlanMeterAfter {
  readonly meter: string;
  readonly state: "stops" | "continues" | "n/a";
  /** Set when it continues and the amount is known. */
  readonly usdPerMonth: number | null;
}

export interface PlanStorage {
  readonly mode: "create" | "existing" | "adopt";
  /** Name of the durable storage; for `adopt` its id. An `existing` one is never deleted, an adopted one is the run's own. */
  readonly name: string;
  /** null: chosen when it is created, where there is capacity. */
  readonly region: string | null;
}

export interface PlanCapacity {
  /** In order of preference. Empty: derived from `resources` with live prices. */
  readonly candidates: readonly { readonly type: string; readonly region: string | null }[];
  readonly maxWaitSeconds: number;
  /** Of it, what one update spends while it holds the stack's lock. */
  readonly maxLockSeconds: number;
  readonly maxAttempts: number;
  readonly maxHourlyUsd: number | null;
}

/** A timer that acts without being asked. */
export interface PlanClock {
  readonly id: string;
  readonly statement: string;
  /** Seconds after `from`; null when the moment is not known in advance. */
  readonly seconds: number | null;
  /** How to find out when it strikes; absent where that is known, and where there is no timer at all. */
  readonly look?: string;
  readonly from: "launch" | "stop" | "idle" | "disconnect" | "finish" | "unknown";
  readonly tiersLost: readonly string[];
  readonly gotchas: readonly string[];
}

/** Bounds, not forecasts. null: nothing bounds it. */
export interface PlanCost {
  readonly hourlyUsdBound: number | null;
  readonly hourlySource: "capacity.maxHourlyUsd" | "price-table" | "free" | "unknown";
  /** Month of the price table that was used, YYYY-MM. */
  readonly priceTable: string | null;
  readonly storageUsdPerMonth: number | null;
  /** Disks, addresses and snapshots that the config asks for besides the durable storage, per month. */
  readonly extrasUsdPerMonth: number | null;
  /** Pulling everything that `disk` counts once; null: not known. */
  readonly egressUsd: number | null;
  /** hourly bound x maxHours + storage and extras for that time. */
  readonly worstCaseUsd: number | null;
  /** What a day costs when nobody remembers the run. */
  readonly forgottenDayUsd: number | null;
  /** What a month (730 h) costs when nobody remembers the run. */
  readonly forgottenMonthUsd: number | null;
}
