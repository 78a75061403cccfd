/** A profile as tables: what survives, what each verb keeps and bills, clocks, traps, host. Data; rendering is the caller's. */
import { UserError } from "../custody/userError";
import { valueOr, type Evidence, type Fact } from "./fact";
import { nearest } from "./input/faults";
import { isProvisioned } from "./registry";
import { disagreementsOf, notesOf } from "./remarks";
import { believedAt, reliedOn, staleWarnings } from "./staleness";
import { EVENTS, type Clock, type MeterEffect, type Profile, type Rate, type Verb } from "./schema";

/** Rows as long as `columns`. `kind` of a cell lets a renderer colour it; the text alone says everything. */
export interface Table {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Cell {
  readonly text: string;
  readonly kind: "plain" | "good" | "bad" | "unknown" | "none";
}

export interface Explanation {
  readonly platform: string;
  readonly title: string;
  readonly summary: string;
  readonly announce: readonly string[];
  /** false: this version plans and judges runs there, and cannot create or tear down anything. */
  readonly provisioned: boolean;
  readonly tables: readonly Table[];
  /** Facts on which sources disagree: what is used and what else is said. */
  readonly disagreements: readonly string[];
  /** What else is to be known about single facts. */
  readonly notes: readonly string[];
  /** Facts that nobody has verified for more than six months; empty when no time was given. */
  readonly stale: readonly string[];
}

/**
 * All tables, or with `verb` only those about the verbs of that name. With `now`, promises that nobody has verified for
 * twelve months are shown as unknown. Throws UserError for an unknown verb.
 */
export function explainProfile(current: Profile, options: { readonly verb?: string; readonly now?: Date } = {}): Explanation {
  const { verb, now } = options;
  const profile = now === undefined ? current : believedAt(current, now);
  const verbs = verb === undefined ? profile.verbs : profile.verbs.filter((known) => known.verb === verb);
  if (verbs.length === 0 && verb !== undefined) throw unknownVerb(profile, verb);
  const ofVerbs = [verbTable(profile, verbs), tierTable(profile, verbs), meterTable(profile, verbs)];
  const rest = [clockTable(profile), limitTable(profile), hostTable(profile), gotchaTable(profile), sourceTable(profile)];
  const about = { platform: profile.id, title: profile.title, summary: profile.summary, announce: profile.announce, provisioned: isProvisioned(profile.id) };
  const stale = now === undefined ? [] : staleWarnings(reliedOn(current, verbs, verb === undefined ? current.clocks : []), current.id, now);
  if (verb === undefined) return { ...about, tables: [survivalTable(profile), rateTable(profile), ...ofVerbs, ...rest], disagreements: disagreementsOf(current), notes: notesOf(current), stale };
  const ids = new Set(verbs.flatMap((known) => known.gotchas));
  return { ...about, tables: [...ofVerbs, gotchaTable(profile, ids)], disagreements: [], notes: [], stale };
}

const plain = (text: string): Cell => ({ text, kind: "plain" });
const none: Cell = { text: "n/a", kind: "none" };
const title = (profile: Profile, verb: Verb): Cell => plain(`${verb.verb} ${profile.roles.find((role) => role.role === verb.on)?.title ?? verb.on}`);
const month = ({ verified }: Evidence): Cell => plain(verified);

function survivalTable(profile: Profile): Table {
  const cells = (tier: Profile["tiers"][number]): Cell[] => EVENTS.map((event) => fateCell(tier.survives[event], (survives) => (survives ? "kept" : "lost")));
  return {
    id: "survival",
    title: "What survives what",
    columns: ["tier", "path", "process exit", "reboot", "stop", "destroy", "room", "files", "bound to", "attach"],
    rows: profile.tiers.map((tier) => [
      plain(tier.title),
      plain(tier.path.template),
      ...cells(tier),
      factCell(tier.capBytes, bytes),
      factCell(tier.capInodes, (count) => String(count)),
      factCell(tier.lockedTo, (to) => to),
      factCell(tier.attach, (when) => (when === "atLaunchOnly" ? "at launch only" : when)),
    ]),
  };
}

const verbTable = (profile: Profile, verbs: readonly Verb[]): Table => ({
  id: "verbs",
  title: "Verbs",
  columns: ["verb", "what it is", "how", "can it be undone"],
  rows: verbs.map((verb) => [
    title(profile, verb),
    verb.use === "trap" ? { text: `${verb.title}: no teardown`, kind: "bad" } : plain(verb.title),
    plain(verb.how),
    factCell(verb.irreversible, (irreversible) => (irreversible ? "no" : "yes"), (irreversible) => (irreversible ? "bad" : "good")),
  ]),
});

const tierTable = (profile: Profile, verbs: readonly Verb[]): Table => ({
  id: "verbsByTier",
  title: "What each verb keeps and loses",
  columns: ["verb", ...profile.tiers.map((tier) => tier.title)],
  rows: verbs.map((verb) => [title(profile, verb), ...profile.tiers.map((tier) => fateCell(verb.tiers[tier.id], (fate) => fate))]),
});

const meterTable = (profile: Profile, verbs: readonly Verb[]): Table => ({
  id: "verbsByMeter",
  title: "What each verb stops billing",
  columns: ["verb", ...profile.meters.map((meter) => meter.title)],
  rows: verbs.map((verb) => [title(profile, verb), ...profile.meters.map((meter) => effectCell(verb.meters[meter.id], valueOr(meter.rate, null)))]),
});

const rateTable = (profile: Profile): Table => ({
  id: "meters",
  title: "Meters",
  columns: ["meter", "rate", "from", "until", "counted per", "verified"],
  rows: profile.meters.map((meter) => [
    plain(meter.title),
    factCell(meter.rate, rateText),
    factCell(meter.from, (text) => text),
    factCell(meter.until, (text) => text),
    factCell(meter.incrementSeconds, duration),
    month(meter.rate),
  ]),
});

const clockTable = (profile: Profile): Table => ({
  id: "clocks",
  title: "Danger clocks",
  columns: ["clock", "from", "default", "range", "set where", "what happens", "gotchas"],
  rows: profile.clocks.map((clock) => [
    plain(clock.id),
    plain(clock.from),
    factCell(clock.defaultSeconds, duration),
    factCell(clock.range, ({ minSeconds, maxSeconds }) => `${duration(minSeconds)} to ${duration(maxSeconds)}`),
    factCell(clock.settable, (where) => where),
    { text: clock.statement, kind: clockKind(clock) },
    plain(clock.gotchas.join(" ")),
  ]),
});

const clockKind = ({ effect }: Clock): Cell["kind"] => (effect === "destroy" || effect === "bills" ? "bad" : "plain");

const limitTable = (profile: Profile): Table => ({
  id: "limits",
  title: "Limits",
  columns: ["limit", "value", "statement", "verified"],
  rows: profile.limits.map((limit) => [plain(limit.id), factCell(limit.value, (value) => `${value.toLocaleString("en")}${UNIT[limit.unit]}`), plain(limit.statement), month(limit.value)]),
});

const UNIT = { seconds: " s", count: "", bytes: " bytes", characters: " characters", requestsPerSecond: " per second", gibibytes: " GiB", hours: " h" } as const;

function hostTable({ host, detach, interruption, channels }: Profile): Table {
  const text = (value: string | number | boolean): string => (typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
  const rows: [string, Cell][] = [
    ["user", factCell(host.user, text)],
    ["home", factCell(host.home, text)],
    ["root", factCell(host.root, text)],
    ["Python", factCell(host.interpreter, text)],
    ["environment", plain(host.environmentContract)],
    ...channels.map((channel): [string, Cell] => [channel.id, plain(`${channel.kind}, ${channel.flavour}, ${channel.endpoint}; ${channel.auth}`)]),
    ["address", factCell(host.address, ({ whileItLives, survivesRelaunch }) => `${whileItLives === "fixed" ? "fixed while it lives" : "new at every start"}, ${survivesRelaunch ? "kept" : "new"} after a relaunch`)],
    ["open ports", factCell(host.openPorts, (ports) => ports.join(", "))],
    ["proxy", factCell(host.proxyHook, text)],
    ["mirror needed", factCell(host.mirrorNeeded, text)],
    ["newest CUDA of the driver", factCell(host.cudaMax, text)],
    ["credentials", factCell(host.credentialPlace, text)],
    ["TensorBoard", factCell(host.tensorboard, ({ directory, port }) => `${directory ?? "any directory"}, port ${port}`)],
    ...host.caches.map((cache): [string, Cell] => [cache.variable, plain(`${cache.path}: ${cache.why}`)]),
    ["detach", plain(`${detach.primitive}${detach.fallback === null ? "" : `, else ${detach.fallback}`}`)],
    ["detached job after a reboot", fateCell(detach.survives.reboot, (survives) => (survives ? "kept" : "lost"))],
    ["interruptions", plain(interruption.model)],
    ["warning before one", factCell(interruption.graceSeconds, duration)],
    ["resume", plain(interruption.resume)],
    ...host.conveniences.map((convenience): [string, Cell] => ["convenience", { text: convenience.statement, kind: "good" }]),
  ];
  return { id: "host", title: "Host", columns: ["", ""], rows: rows.map(([name, cell]) => [plain(name), cell]) };
}

function gotchaTable(profile: Profile, only?: ReadonlySet<string>): Table {
  return {
    id: "gotchas",
    title: "Gotchas",
    columns: ["id", "what goes wrong", "how it is dealt with", "verified"],
    rows: profile.gotchas
      .filter((gotcha) => only === undefined || only.has(gotcha.id))
      .map((gotcha) => [
        plain(gotcha.id),
        plain(gotcha.statement),
        plain(gotcha.handled.map((part) => `${part.by} ${part.ref}: ${part.how}`).join("; ")),
        month(gotcha),
      ]),
  };
}

const sourceTable = (profile: Profile): Table => ({
  id: "sources",
  title: "Sources",
  columns: ["source", "what it is", "address"],
  rows: Object.entries(profile.sources).map(([id, source]) => [plain(id), plain(source.title), plain(source.url ?? "")]),
});

function fateCell<T>(fact: Fact<T> | undefined, fate: (value: T) => "kept" | "lost"): Cell {
  if (fact === undefined || fact.state === "n/a") return none;
  if (fact.state === "probe") return { text: "unknown, counts as lost", kind: "unknown" };
  return fate(fact.value) === "kept" ? { text: "kept", kind: "good" } : { text: "LOST", kind: "bad" };
}

function effectCell(fact: Fact<MeterEffect> | undefined, ownRate: Rate | null): Cell {
  if (fact === undefined || fact.state === "n/a") return none;
  if (fact.state === "probe") return { text: "unknown, counts as billing", kind: "unknown" };
  if (fact.value.effect === "stops") return { text: "stops", kind: "good" };
  const rate = fact.value.rate ?? ownRate;
  return { text: `goes on${rate === null ? "" : rate.kind === "live" ? `, per ${PER[rate.per]}` : `, ${rateText(rate)}`}`, kind: "bad" };
}

function factCell<T>(fact: Fact<T>, render: (value: T) => string, kind: (value: T) => Cell["kind"] = () => "plain"): Cell {
  switch (fact.state) {
    case "known":
      return { text: render(fact.value), kind: kind(fact.value) };
    case "probe":
      return { text: `look: ${fact.how}`, kind: "unknown" };
    case "n/a":
      return { text: `n/a: ${fact.why}`, kind: "none" };
  }
}

const PER = { hour: "hour", month: "month", gibMonth: "GiB and month", gbMonth: "GB and month", gib: "GiB", gb: "GB" } as const;

function rateText(rate: Rate): string {
  switch (rate.kind) {
    case "fixed":
      return `${rate.currency === "USD" ? "$" : "¥"}${rate.amount} per ${PER[rate.per]}`;
    case "stepped":
      return `by size: ${rate.steps.map(({ upToGb, amount }) => `${upToGb} GB ${rate.currency === "USD" ? "$" : "¥"}${amount}`).join(", ")} per month`;
    case "live":
      return `per ${PER[rate.per]}, ${rate.where}`;
    case "quota":
      return rate.what;
    case "free":
      return "free";
  }
}

/** Seconds in the largest unit of which there are two (days) or one, with a digit behind the point where that is as good. */
export function duration(seconds: number): string {
  const [size, name] = UNITS.find(([least]) => seconds >= least)?.slice(1) as [number, string];
  return `${Math.round((seconds / size) * 10) / 10} ${name}`;
}

const UNITS: readonly (readonly [least: number, size: number, name: string])[] = [
  [172_800, 86_400, "days"],
  [3600, 3600, "h"],
  [60, 60, "min"],
  [0, 1, "s"],
];

const bytes = (count: number): string => (count >= 1e12 ? `${count / 1e12} TB` : `${count / 1e9} GB`);

function unknownVerb(profile: Profile, verb: string): UserError {
  const names = [...new Set(profile.verbs.map((known) => known.verb))];
  const near = nearest(verb, names);
  return new UserError(`${profile.id} has no verb ${JSON.stringify(verb)}${near === null ? "." : `, did you mean ${near}?`} Known: ${names.join(", ")}.`, { code: "config" });
}
