/**
 * What a profile holds: one platform's storage tiers, meters, verbs, danger clocks, limits, channels and traps, as
 * data. Every fact carries its source and the month it was verified (fact.ts). Consistency is checked by defineProfile.
 */
import { z } from "zod";
import { evidenceSchema, factOf } from "./fact";

const text = z.string().min(1);
/** Ids are written into state, ledgers and approvals: never rename one. */
const id = z.string().regex(/^[a-z][A-Za-z0-9]*$/, "an id in camelCase");
const gotchaId = z.string().regex(/^[A-Z0-9]+(-[A-Z]+)?\d*$/, "a gotcha id such as LAM1 or AD-DANGER");
const gotchaIds = z.array(gotchaId).default([]);
const seconds = z.number().positive();

/** What can happen to the compute resource. `stop` keeps it for a restart, `destroy` ends it. */
export const EVENTS = ["processExit", "reboot", "stop", "destroy"] as const;
export type Event = (typeof EVENTS)[number];

/** A kind of storage with a path. `path.template` may hold `{name}`, `{user}`, `{mount}`, `{durablePath}` (from the stack's config). */
const tier = z.strictObject({
  id,
  title: text,
  /** The resource whose life it shares. */
  role: id,
  path: z.strictObject({
    template: text,
    /** A resource output that wins over the template, because a derived path has been wrong before. */
    readFrom: text.optional(),
    ...evidenceSchema.shape,
  }),
  survives: z.record(z.enum(EVENTS), factOf(z.boolean())),
  capBytes: factOf(z.number().positive()),
  capInodes: factOf(z.number().positive()),
  /** Several instances can write to it at once. */
  shared: factOf(z.boolean()),
  lockedTo: factOf(z.enum(["instance", "machine", "zone", "datacenter", "region", "cluster", "account"])),
  attach: factOf(z.enum(["builtIn", "atLaunchOnly", "anytime", "declared"])),
  gotchas: gotchaIds,
});

/** `live`: asked of the API. `quota`: spends an allowance instead of money. */
const rate = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("fixed"),
    amount: z.number().nonnegative(),
    currency: z.enum(["USD", "CNY"]),
    per: z.enum(["hour", "month", "gibMonth", "gbMonth", "gib", "gb"]),
  }),
  /** By size class: the first step that holds the amount. Decimal gigabytes; nothing is sold beyond the last step. */
  z.strictObject({ kind: z.literal("stepped"), currency: z.enum(["USD", "CNY"]), per: z.literal("month"), steps: z.array(z.strictObject({ upToGb: z.number().positive(), amount: z.number().nonnegative() })).min(1) }),
  z.strictObject({ kind: z.literal("live"), where: text, per: z.enum(["hour", "month", "gibMonth"]) }),
  z.strictObject({ kind: z.literal("quota"), what: text }),
  z.strictObject({ kind: z.literal("free") }),
]);

/** One thing that is billed. */
const meter = z.strictObject({
  id,
  title: text,
  role: id,
  rate: factOf(rate),
  /** When it starts and ends, and in which steps it counts. */
  from: factOf(text),
  until: factOf(text),
  incrementSeconds: factOf(seconds),
  capUsdPerMonth: factOf(z.number().positive()),
  gotchas: gotchaIds,
});

/** `continues` without a rate: at the meter's own. */
const meterEffect = z.discriminatedUnion("effect", [
  z.strictObject({ effect: z.literal("stops") }),
  z.strictObject({ effect: z.literal("continues"), rate: rate.optional() }),
]);

/** An action on a resource: for every tier kept or lost, for every meter stops, continues or not applicable. */
const verb = z.strictObject({
  verb: z.string().regex(/^[a-z][A-Za-z]*$/),
  on: id,
  title: text,
  how: text,
  /** teardown: may end a run. operate: during a run. trap: looks like a teardown and is none. */
  use: z.enum(["teardown", "operate", "trap"]),
  /** What it means for the compute resource; null when it does not touch it. */
  event: z.enum(EVENTS).nullable(),
  irreversible: factOf(z.boolean()),
  tiers: z.record(id, factOf(z.enum(["kept", "lost"]))),
  meters: z.record(id, factOf(meterEffect)),
  gotchas: gotchaIds,
});

/** A timer that acts without being asked, or whose absence costs money. */
const clock = z.strictObject({
  id,
  statement: text,
  from: z.enum(["launch", "stop", "idle", "disconnect", "finish", "unknown"]),
  defaultSeconds: factOf(seconds),
  range: factOf(z.strictObject({ minSeconds: seconds, maxSeconds: seconds })),
  settable: factOf(text),
  /** `bills`: nothing ends, it only costs. Otherwise the event, whose survival row says what is lost. */
  effect: z.enum([...EVENTS, "bills"]),
  /** Tiers that go with it besides those the event does not spare. */
  alsoLoses: z.array(id).default([]),
  gotchas: gotchaIds,
});

const limit = z.strictObject({
  id,
  statement: text,
  value: factOf(z.number()),
  unit: z.enum(["seconds", "count", "bytes", "characters", "requestsPerSecond", "gibibytes", "hours"]),
  gotchas: gotchaIds,
});

const channel = z.strictObject({
  id,
  kind: z.enum(["ssh", "rest", "cli", "exec", "scheduler", "notebook", "console"]),
  flavour: z.enum(["directTcp", "proxied", "https", "local", "browser"]),
  endpoint: text,
  port: factOf(z.number().int().positive()),
  /** Can it carry scp and rsync. */
  carriesFiles: factOf(z.boolean()),
  auth: text,
  gotchas: gotchaIds,
  ...evidenceSchema.shape,
});

const detach = z.strictObject({
  primitive: z.enum(["tmux", "nohup", "sbatch", "k8sJob", "kaggleCommit", "none"]),
  fallback: text.nullable(),
  /** What the detached process outlives, besides the loss of the connection. */
  survives: z.strictObject({ disconnect: factOf(z.boolean()), reboot: factOf(z.boolean()), stop: factOf(z.boolean()) }),
  gotchas: gotchaIds,
});

const interruption = z.strictObject({
  model: text,
  spot: factOf(z.boolean()),
  graceSeconds: factOf(z.number().nonnegative()),
  /** Used for the checkpoint cadence when the job does not say. */
  meanHoursBetween: factOf(z.number().positive()),
  resume: text,
  gotchas: gotchaIds,
});

/** What a job needs to know about its host. */
const host = z.strictObject({
  user: factOf(text),
  home: factOf(text),
  root: factOf(z.enum(["root", "sudo", "none"])),
  /** sh words that start the Python of the image. */
  interpreter: factOf(text),
  /** What the image is, and what not to do to it. */
  environmentContract: text,
  sshPort: factOf(z.number().int().positive()),
  address: factOf(z.strictObject({ whileItLives: z.enum(["fixed", "changesOnStart"]), survivesRelaunch: z.boolean() })),
  proxyHook: factOf(text),
  mirrorNeeded: factOf(z.boolean()),
  cudaMax: factOf(text),
  localNvme: factOf(z.boolean()),
  caches: z.array(z.strictObject({ variable: text, path: text, tier: id, why: text })),
  credentialPlace: factOf(text),
  tensorboard: factOf(z.strictObject({ directory: text.nullable(), port: z.number().int().positive() })),
  openPorts: factOf(z.array(z.number().int().positive())),
  conveniences: z.array(z.strictObject({ statement: text, ...evidenceSchema.shape })),
});

/** What a mistake of this kind looks like in a job, so that a plan can warn before money is spent. */
const trigger = z.strictObject({
  in: z.enum(["setup", "command", "candidate"]),
  /** A regular expression, matched without regard to case. */
  pattern: z.string().refine(compiles, "a regular expression"),
  warning: text,
});

const gotcha = z.strictObject({
  id: gotchaId,
  statement: text,
  handled: z
    .array(z.strictObject({ by: z.enum(["policy", "preflight", "provider", "script", "plan", "custody", "documentation"]), ref: text, how: text }))
    .min(1),
  triggers: z.array(trigger).default([]),
  ...evidenceSchema.shape,
});

/** A resource of a run on this platform, and what happens to it at the end. */
const role = z.strictObject({
  role: id,
  title: text,
  /** always: goes at the end. storage: goes when `teardown.storage` is delete and the run owns it. */
  end: z.strictObject({ when: z.enum(["always", "storage", "ifUsed"]), verb: text }),
  naming: z.strictObject({ pattern: z.string().refine(compiles, "a regular expression"), maxLength: z.number().int().positive(), statement: text, ...evidenceSchema.shape }).nullable(),
});

export const profileSchema = z.strictObject({
  id,
  title: text,
  kind: z.enum(["cloudApi", "sshRental", "ssh", "slurm", "kubernetes", "notebook", "workstation"]),
  summary: text,
  /** Said to the person at first contact. */
  announce: z.array(text),
  sources: z.record(z.string(), z.strictObject({ title: text, url: z.url().optional() })),
  roles: z.array(role).min(1),
  tiers: z.array(tier).min(1),
  meters: z.array(meter),
  verbs: z.array(verb).min(1),
  clocks: z.array(clock),
  limits: z.array(limit),
  channels: z.array(channel).min(1),
  detach,
  interruption,
  host,
  gotchas: z.array(gotcha),
  /** Where a run's directory lives, and the tier of the instance's own disk. */
  durable: z.strictObject({ tier: id, mountFrom: text }),
  ownDisk: z.strictObject({ tier: id }),
});

/** What a profile file writes (defaults left out) and what readers get. */
export type ProfileInput = z.input<typeof profileSchema>;
export type Profile = z.output<typeof profileSchema>;
export type Tier = Profile["tiers"][number];
export type Meter = Profile["meters"][number];
export type Rate = z.output<typeof rate>;
export type MeterEffect = z.output<typeof meterEffect>;
export type Verb = Profile["verbs"][number];
export type Clock = Profile["clocks"][number];
export type Gotcha = Profile["gotchas"][number];
export type Role = Profile["roles"][number];

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern, "iu");
    return true;
  } catch {
    return false;
  }
}
