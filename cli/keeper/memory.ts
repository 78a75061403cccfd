/**
 * What the keeper told and tried, kept beside the ledger so that the next pass, by whichever process, goes on from there. It is no
 * evidence: nothing that protects data reads it. Without it people are told again.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { RunCustody } from "../../custody";
import { writeFileDurably } from "../../custody/disk/files";
import type { EventKind, KeeperEvent } from "./events";
import { EVENT_KINDS } from "./events";

const eventSchema = z.looseObject({
  v: z.literal(1), id: z.string(), at: z.string(), run: z.string(), kind: z.enum(EVENT_KINDS), severity: z.enum(["info", "warn", "urgent"]),
  title: z.string(), message: z.string(), next: z.array(z.string()), data: z.record(z.string(), z.unknown()),
});

/** `of`: what was tried; something else is tried at once. */
const tries = z.object({ of: z.string(), count: z.number(), notBefore: z.string() });

const schema = z.object({
  v: z.literal(1),
  /** Of which life of the run; another life begins with an empty memory. */
  life: z.string(),
  /** Ids of events that every channel has, or that were given up. */
  told: z.array(z.string()),
  /** Events that some channel does not have yet. */
  pending: z.array(z.object({ event: eventSchema, delivered: z.array(z.string()), tries: z.record(z.string(), z.number()) })),
  /** The newest id of each kind. */
  last: z.partialRecord(z.enum(EVENT_KINDS), z.string()),
  silence: z.object({ since: z.string(), why: z.string() }).nullable(),
  progress: z.object({ mark: z.string(), since: z.string() }).nullable(),
  /** When the queue was seen closed. */
  finishedAt: z.string().nullable(),
  /** The closing of the queue whose artifacts were pulled and proven: they are not hashed again at every pass. */
  proven: z.string().nullable(),
  proof: tries.nullable(),
  teardown: tries.nullable(),
  restart: tries.nullable(),
});

type State = z.infer<typeof schema>;
export type Pending = State["pending"][number];
export type Tries = z.infer<typeof tries>;

export const memoryFile = "keeper.json";
/** Of what went wrong before the run's life was known. */
export const faultsFile = "keeper-faults.json";

export class KeeperMemory {
  private constructor(
    private readonly path: string,
    readonly state: State,
    /** A keeper looked after this life of the run before. */
    readonly remembered: boolean,
  ) {}

  static of(run: RunCustody, life: string, file: string = memoryFile): KeeperMemory {
    const path = join(run.dir, file);
    const parsed = schema.safeParse(readJson(path));
    const empty: State = { v: 1, life, told: [], pending: [], last: {}, silence: null, progress: null, finishedAt: null, proven: null, proof: null, teardown: null, restart: null };
    return parsed.success && parsed.data.life === life ? new KeeperMemory(path, parsed.data, true) : new KeeperMemory(path, empty, false);
  }

  knows(id: string): boolean {
    return this.state.told.includes(id) || this.state.pending.some(({ event }) => event.id === id);
  }

  /** The newest event of a kind that people heard of and that no later one answered. */
  lastTold(kind: EventKind): { readonly id: string } | null {
    const last = this.state.last[kind];
    return last === undefined ? null : { id: last };
  }

  /** Those that were not known are remembered as still to be told. */
  take(events: readonly KeeperEvent[]): KeeperEvent[] {
    const news = events.filter((event, index) => !this.knows(event.id) && events.findIndex(({ id }) => id === event.id) === index);
    for (const event of news) this.state.pending.push({ event: { ...event, next: [...event.next], data: { ...event.data } }, delivered: [], tries: {} });
    for (const { kind, id } of news) this.state.last[kind] = id;
    if (news.length > 0) this.save();
    return news;
  }

  settle(pending: Pending): void {
    this.state.pending = this.state.pending.filter((other) => other !== pending);
    this.state.told.push(pending.event.id);
    this.save();
  }

  set<K extends "silence" | "progress" | "finishedAt" | "proven" | "proof" | "teardown" | "restart">(key: K, value: State[K]): void {
    if (JSON.stringify(this.state[key]) === JSON.stringify(value)) return;
    this.state[key] = value;
    this.save();
  }

  save(): void {
    writeFileDurably(this.path, `${JSON.stringify(this.state)}\n`);
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch {
    return null;
  }
}
