// What a test or a person can make the embedded cloud do: delays, capacity, faults. All durations are vendor seconds
// (real seconds times the time scale) unless the name says otherwise. Changed by `PATCH /_sandbox/knobs` or at the start.
import { z } from "zod";
import { UserError } from "../custody/userError.js";

const seconds = z.number().min(0);
const count = z.number().int().min(0);
const method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** Regions with capacity now, or a schedule counted from the moment the knob was set. Kept as a schedule. */
const capacitySchedule = z.union([
  z.array(z.string()).transform((regions) => [{ afterSeconds: 0, regions }]),
  z.array(z.strictObject({ afterSeconds: seconds, regions: z.array(z.string()) })),
]);

const lostReply = z.strictObject({
  count,
  /** reset: the connection is cut. 502: the proxy in front answers with its own page. */
  how: z.enum(["reset", "502"]).default("reset"),
});

const serverFault = z.strictObject({
  method: method.optional(),
  /** Beginning of the path, e.g. `/api/v1/instance-operations`; every path when absent. */
  path: z.string().optional(),
  count,
  status: z.number().int().min(500).max(599).default(500),
  /** True: the request is carried out and only its answer is replaced. */
  afterCommit: z.boolean().default(false),
});

export const knobsSchema = z.strictObject({
  /** Vendor seconds that pass in one real second; 1 is real time. */
  timeScale: z.number().min(0.01).max(100_000),
  bootSeconds: z.strictObject({
    ip: seconds,
    /** sshd is started this long before `active`: seen 27-62 s before on real Lambda. */
    sshLead: seconds,
    active: seconds,
  }),
  /** The next `count` launches take this long instead. */
  bootOutlier: z.strictObject({ count, activeSeconds: seconds }),
  restartSeconds: seconds,
  terminateSeconds: seconds,
  /** `terminate` is shown as unavailable for this long after a launch. */
  terminateUnavailableSeconds: seconds,
  /** Launches answer after this long; the instance exists from the beginning of it. */
  launchReplySeconds: seconds,
  /** New instances are missing from the list for this long. */
  listLagSeconds: seconds,
  /** `bytes_used` is counted again after this long; real Lambda takes hours. */
  bytesUsedLagSeconds: seconds,
  /** What follows `terminating`: gone at once, or still shown as `terminated` for a while. */
  afterTerminated: z.union([z.literal("404"), z.strictObject({ listedSeconds: seconds })]),
  /** By instance type; types that are not named keep the catalogue's regions. */
  capacity: z.record(z.string(), capacitySchedule),
  /** Capacity race: the next N launches, or every launch of these types, are refused although listed. */
  listedButRefused: z.union([count, z.array(z.string())]),
  /** These types launch although the list shows no capacity. */
  grantUnlisted: z.array(z.string()),
  loseLaunchReply: z.union([count.transform((n) => ({ count: n, how: "reset" as const })), lostReply]),
  fail5xx: z.array(serverFault),
  /** The next N requests meet the proxy's HTML page instead of the API. */
  html403: count,
  rateLimit: z.strictObject({
    enabled: z.boolean(),
    body: z.enum(["json", "text"]),
    retryAfter: z.boolean(),
    /** Tolerated jitter in *real* milliseconds, since scaled intervals shrink to the size of scheduling noise. */
    jitterRealMilliseconds: z.number().min(0),
  }),
  /** The next N launches end as `unhealthy` instead of `active`. */
  unhealthyOnBoot: count,
  /** Instances launched from now on become unhealthy / preempted this long after `active`. */
  unhealthyAfterSeconds: seconds.nullable(),
  preemptAfterSeconds: seconds.nullable(),
  /** Adds the fields that live records carry beyond the contract, and one that nobody knows. */
  extraFields: z.boolean(),
  /** Shown instead of `booting`. */
  unknownStatus: z.string().min(1).nullable(),
  /** The next N reads of an existing instance answer 404. */
  notFoundOnce: count,
  /** Ids of instances that the API denies, by id and in the list, while their machines live on. */
  unseenInstances: z.array(z.string()),
  quota: z.strictObject({ instances: count.nullable(), filesystems: count.nullable(), firewallRulesets: count.nullable() }),
  account: z.enum(["active", "inactive", "invalid-address"]),
  /** Beginnings of User-Agent values that the proxy in front refuses. */
  blockedUserAgents: z.array(z.string()),
});

export type Knobs = z.output<typeof knobsSchema>;
/** A partial change: objects are merged one level deep, `null` at the top level restores the default. */
export type KnobsPatch = { [K in keyof z.input<typeof knobsSchema>]?: unknown };

export const defaultKnobs: Knobs = {
  timeScale: 60,
  bootSeconds: { ip: 40, sshLead: 30, active: 150 },
  bootOutlier: { count: 0, activeSeconds: 1200 },
  restartSeconds: 30,
  terminateSeconds: 20,
  terminateUnavailableSeconds: 5,
  launchReplySeconds: 0,
  listLagSeconds: 0,
  bytesUsedLagSeconds: 0,
  afterTerminated: "404",
  capacity: {},
  listedButRefused: 0,
  grantUnlisted: [],
  loseLaunchReply: { count: 0, how: "reset" },
  fail5xx: [],
  html403: 0,
  rateLimit: { enabled: true, body: "json", retryAfter: false, jitterRealMilliseconds: 25 },
  unhealthyOnBoot: 0,
  unhealthyAfterSeconds: null,
  preemptAfterSeconds: null,
  extraFields: false,
  unknownStatus: null,
  notFoundOnce: 0,
  unseenInstances: [],
  quota: { instances: null, filesystems: 24, firewallRulesets: null },
  account: "active",
  blockedUserAgents: ["Python-urllib"],
};

/** Knobs for which `null` is a value and not "back to the default". */
const nullIsAValue: ReadonlySet<string> = new Set(["unhealthyAfterSeconds", "preemptAfterSeconds", "unknownStatus"]);
const merged: ReadonlySet<string> = new Set(["bootSeconds", "bootOutlier", "rateLimit", "quota", "capacity"]);

/** Applies a patch. Throws UserError naming every wrong knob at once. */
export function patchKnobs(current: Knobs, patch: unknown): Knobs {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    throw new UserError("Sandbox knobs are a JSON object, for example {\"timeScale\": 1}.", { code: "sandbox-knobs-invalid" });
  }
  // A state of before a knob existed has it at its default.
  const next: Record<string, unknown> = { ...defaultKnobs, ...current };
  for (const [name, value] of Object.entries(patch as Record<string, unknown>)) {
    if (value === null && !nullIsAValue.has(name)) next[name] = defaultKnobs[name as keyof Knobs];
    else if (merged.has(name) && isRecord(value)) next[name] = { ...(next[name] as object), ...value };
    else next[name] = value;
  }
  const parsed = knobsSchema.safeParse(next);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join(".") || "knobs"}: ${issue.message}`);
  throw new UserError(`These sandbox knobs cannot be used:\n${faults.join("\n")}`, {
    code: "sandbox-knobs-invalid",
    next: [`known knobs: ${Object.keys(defaultKnobs).join(", ")}`],
  });
}

/** Uses up one of a counted fault. */
export function spend(knobs: Knobs, name: "html403" | "unhealthyOnBoot" | "notFoundOnce"): boolean {
  if (knobs[name] === 0) return false;
  knobs[name] -= 1;
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
