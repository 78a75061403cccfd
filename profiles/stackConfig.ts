/** The stack's config, namespace `holdfast`: where and how a job runs, what it may cost, what its teardown does. */
import { z } from "zod";
import { ConfigError, choice, list, parseWithFaults, positive, section, text, wholeFrom, type PropertyPath } from "./input/faults";
import { custodyConfigSchema, type CustodyConfig } from "./input/custodyConfig";
import { jobForbids, jobHides, jobSchema, type JobRequest } from "./job";
import { autodlConfigSchema, slurmConfigSchema, sshConfigSchema } from "./input/hostConfig";
import { keeperConfigSchema } from "./input/keeperConfig";
import { kubernetesConfigSchema } from "./input/kubernetesConfig";
import { lambdaConfigSchema } from "./input/lambdaConfig";
import { colabConfigSchema, kaggleConfigSchema } from "./input/notebookConfig";
import { paperspaceCoreConfigSchema, paperspaceGradientConfigSchema } from "./input/paperspaceConfig";
import { platforms } from "./registry";
import { custodyFaults, faultsAcrossStack } from "./input/stackRules";

const storageName = text("the name of a file system", /^[A-Za-z0-9][\w.-]*$/);
const regionName = text("a region such as us-east-1", /^[A-Za-z0-9-]+$/);

const create = section({
  /** Default: derived from the run. */
  name: storageName.optional(),
  /** Default: the platform block's region, or wherever there is capacity. */
  region: regionName.optional(),
});

const storage = z.union(
  [
    z.literal("create").transform((): { create: z.output<typeof create> } => ({ create: {} })),
    section({
      /** New storage, owned by the run. */
      create: create.nullable().optional().transform((value) => (value === null ? {} : value)),
      /** Storage by name that is somebody else's: never deleted. */
      existing: storageName.optional(),
      /** Storage by id that becomes the run's own. */
      adopt: text("an id").optional(),
    }),
  ],
  { error: "create, {create: {name, region}}, {existing: NAME} or {adopt: ID}" },
);

const candidate = text("an instance type, with a region if wanted: TYPE or TYPE@REGION", /^[A-Za-z0-9][\w.+-]*(@[A-Za-z0-9-]+)?$/).transform((typed) => {
  const [type = typed, region] = typed.split("@");
  return { type, region: region ?? null };
});

const sshKey = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+=*( [^\n]*)?$/;

const schema = section({
  /** Example: lambda. */
  platform: z.string({ error: () => `one of ${platforms.join(", ")}` }),
  /** A job request, or the path of a YAML file with one, relative to the project. Example: examples/digits/job.yaml. */
  job: z.union([text("the path of a file"), jobSchema], { error: "a job request, or the path of a YAML file with one" }),
  /** The durable storage. Default: create. Example: {existing: team-data}. */
  storage: storage.default({ create: {} }),
  teardown: section({
    /** What ends the instance. Default: null, the platform's own. Example: terminate. */
    verb: text("a verb").nullable().default(null),
    /** What happens to storage that the run owns. Kept storage goes on billing. Default: keep. */
    storage: choice(["keep", "delete"]).default("keep"),
    /** pulled: artifacts were copied away, matched and loaded. verifiedInPlace: loaded on storage that stays. Default: pulled. */
    require: choice(["pulled", "verifiedInPlace"]).default("pulled"),
  }).prefault({}),
  capacity: section({
    /** Instance types in order of preference. Default: [], derived from the job's resources. Example: [gpu_1x_a10, gpu_1x_a100_sxm4@us-east-1]. */
    candidates: list(candidate, "a list of TYPE or TYPE@REGION").default([]),
    /** How long to wait for capacity in all, over several updates. Default: 60. */
    maxWaitMinutes: positive("minutes above 0").default(60),
    /** How long one update waits and holds the stack's lock; then it ends as "waiting", and the next one goes on. Default: 5. */
    maxLockMinutes: positive("minutes above 0").default(5),
    /** Launch calls, at most. Default: 50. */
    maxAttempts: wholeFrom(1, "a whole number from 1").default(50),
    /** Dearer types are not taken. Default: null, no limit. Example: 2.5. */
    maxHourlyUsd: positive("USD per hour above 0").nullable().default(null),
  }).prefault({}),
  budget: section({
    /** Default: null. Example: 40. */
    maxUsd: positive("USD above 0").nullable().default(null),
    /** The lease: how long the run may take. Default: null. Example: 12. */
    maxHours: positive("hours above 0").nullable().default(null),
  }).prefault({}),
  /** The whole run may be lost; its teardown asks only for its name. Default: null, what the job says. Example: true, or {maxHours: 1}. */
  disposable: z
    .union([z.boolean(), section({ maxHours: positive("hours above 0").default(2) })], { error: "true, false or {maxHours: HOURS}" })
    .nullable()
    .default(null)
    .transform((value) => (value === true ? { maxHours: 2 } : value)),
  access: section({
    /** Public SSH keys that may log in besides the run's own. Default: []. */
    authorizedKeys: list(text("a public SSH key, on one line as in id_ed25519.pub", sshKey), "a list of public SSH keys").default([]),
  }).prefault({}),
  custody: custodyConfigSchema.prefault({}),
  /** What `holdfast keeper` does for this stack's runs, and who hears of it. */
  keeper: keeperConfigSchema.prefault({}),
  /** Only for platform lambda. */
  lambda: lambdaConfigSchema.prefault({}),
  /** Only for platform paperspaceCore. */
  paperspaceCore: paperspaceCoreConfigSchema.prefault({}),
  /** Only for platform paperspaceGradient. */
  paperspaceGradient: paperspaceGradientConfigSchema.prefault({}),
  /** Only for platform autodl. */
  autodl: autodlConfigSchema.prefault({}),
  /** Only for platform ssh, which needs host and durablePath. */
  ssh: sshConfigSchema.prefault({}),
  /** Only for platform slurm, which needs durablePath. */
  slurm: slurmConfigSchema.prefault({}),
  /** Only for platform kubernetes. */
  kubernetes: kubernetesConfigSchema.prefault({}),
  /** Only for platform colab. */
  colab: colabConfigSchema.prefault({}),
  /** Only for platform kaggle. */
  kaggle: kaggleConfigSchema.prefault({}),
});

type Parsed = z.output<typeof schema>;

/** What may be typed: every key optional that has a default. */
export type StackConfigInput = z.input<typeof schema>;

export type StackStorage =
  | { readonly mode: "create"; readonly name: string | null; readonly region: string | null }
  | { readonly mode: "existing"; readonly name: string }
  | { readonly mode: "adopt"; readonly id: string };

export interface StackConfig extends Omit<Parsed, "storage" | "job" | "capacity"> {
  /** A file still to be read (readJobFile), or the request itself. */
  readonly job: { readonly file: string } | { readonly request: JobRequest };
  readonly storage: StackStorage;
  readonly capacity: {
    readonly candidates: readonly { readonly type: string; readonly region: string | null }[];
    readonly maxWaitSeconds: number;
    readonly maxLockSeconds: number;
    readonly maxAttempts: number;
    readonly maxHourlyUsd: number | null;
  };
}

/** The config with its defaults, or every fault at once. `source` names the document: `Pulumi.dev.yaml`. Throws ConfigError. */
export function parseStackConfig(raw: Readonly<Record<string, unknown>>, source: string): StackConfig {
  const { value, faults } = parseWithFaults(schema, raw, { hidden, forbiddenKey, across: faultsAcrossStack });
  if (value === null || faults.length > 0) throw new ConfigError(source, "config of a stack", faults);
  const { maxWaitMinutes, maxLockMinutes, ...capacity } = value.capacity;
  return {
    ...value,
    job: typeof value.job === "string" ? { file: value.job } : { request: value.job },
    storage: normalizeStorage(value.storage),
    capacity: { ...capacity, maxWaitSeconds: maxWaitMinutes * 60, maxLockSeconds: maxLockMinutes * 60 },
  };
}

/** The block `custody` alone, for those that need no more of the config. Throws ConfigError. */
export function parseCustodyConfig(raw: unknown, source: string): CustodyConfig {
  const { value, faults } = parseWithFaults(z.object({ custody: custodyConfigSchema.prefault({}) }), { custody: raw ?? {} }, { hidden, across: custodyFaults });
  if (value === null || faults.length > 0) throw new ConfigError(source, "config of a stack", faults);
  return value.custody;
}

/**
 * The namespace's part of everything Pulumi knows as config (`pulumi.runtime.allConfig()`): keys without their prefix,
 * structured values parsed. Nothing is left out, so that a misspelt key is noticed.
 */
export function collectStackConfig(all: Readonly<Record<string, string>>, namespace = "holdfast"): Record<string, unknown> {
  const prefix = `${namespace}:`;
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), structured(value)]));
}

function structured(value: string): unknown {
  if (!/^\s*([[{]|(true|false|null)\s*$)/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function normalizeStorage(storage: Parsed["storage"]): StackStorage {
  if ("existing" in storage && storage.existing !== undefined) return { mode: "existing", name: storage.existing };
  if ("adopt" in storage && storage.adopt !== undefined) return { mode: "adopt", id: storage.adopt };
  return { mode: "create", name: storage.create?.name ?? null, region: storage.create?.region ?? null };
}

const hidden = (path: PropertyPath): boolean =>
  (path[0] === "job" && jobHides(path.slice(1))) || (path[0] === "access" && path[1] === "authorizedKeys") || path.at(-1) === "keyFile" || (path[0] === "custody" && path[1] === "store");

function forbiddenKey(path: PropertyPath): string | null {
  if (path[0] === "job") return jobForbids(path.slice(1));
  return /^(api[-_]?key|token|secret)s?$/i.test(String(path.at(-1))) ? "cannot be set: keys do not belong into config; export LAMBDA_API_KEY (or the platform's own variable), or name a file in lambda.keyFile" : null;
}
