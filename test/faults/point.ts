/** Where a fault can strike: one await point of one process of one command, under a name that is the same in every life. Pure. */

/** The commands of a life, in order. `edit` is an up that adds a cell to the finished roster. */
export const phases = ["up", "edit", "pull", "approve", "destroy"] as const;
export type Phase = (typeof phases)[number];

/** The process: the user's program, the dynamic provider, or the holdfast command. */
export type Role = "program" | "provider" | "command";

/**
 * What happens there. `kill`: the process gets SIGKILL. `engine`: the command line above a provider does, and the provider
 * lives on. `error`: the other side fails; after an action this is a lost reply. `restart`: the vendor's server dies while it
 * has the request, and comes back.
 */
export const faultKinds = ["kill", "engine", "error", "restart"] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultPoint {
  readonly phase: Phase;
  readonly role: Role;
  /** `http POST /instance-operations/launch`, `ssh preflight.sh`, `disk rename ledger.jsonl`, `clock sleep`. */
  readonly action: string;
  /** The how manieth of its name in this process, from 1. */
  readonly nth: number;
  readonly edge: "before" | "after";
}

export interface Fault extends FaultPoint {
  readonly kind: FaultKind;
}

export const formatPoint = ({ phase, role, action, nth, edge }: FaultPoint): string => [phase, role, action, String(nth), edge].join("\t");

export function parsePoint(line: string): FaultPoint {
  const [phase, role, action, nth, edge] = line.split("\t");
  return { phase: phase as Phase, role: role as Role, action: action ?? "", nth: Number(nth), edge: edge as "before" | "after" };
}

export const describeFault = (fault: Fault): string =>
  `${fault.kind} ${fault.edge} ${fault.action}${fault.nth === 1 ? "" : ` (no. ${fault.nth})`}, ${fault.role}, during ${fault.phase}`;

/** Every fault that makes sense at the points of a recorded life, each once, in a fixed order. */
export function faultsAt(points: readonly FaultPoint[]): Fault[] {
  const once = new Map(points.map((point) => [formatPoint(point), point]));
  const faults = [...once.values()].flatMap((point) => faultKinds.filter((kind) => makesSense(point, kind)).map((kind) => ({ ...point, kind })));
  return faults.sort((a, b) => compare(`${formatPoint(a)}\t${a.kind}`, `${formatPoint(b)}\t${b.kind}`));
}

/** Polling repeats one action many times, a different number in each life; its first rounds stand for the rest. */
const mostRepeats = 3;

function makesSense({ role, action, nth, edge }: FaultPoint, kind: FaultKind): boolean {
  if (nth > mostRepeats) return false;
  switch (kind) {
    case "kill":
      return true;
    case "engine":
      // Only a provider can outlive the command line, and only where it asks something of the world does it matter.
      return role === "provider" && (action.startsWith("http") || action.startsWith("ssh"));
    case "error":
      // A clock does not fail, and a write that has happened cannot fail any more.
      return !action.startsWith("clock") && !(action.startsWith("disk") && edge === "after");
    case "restart":
      return action.startsWith("http") && edge === "before";
    default:
      return kind satisfies never;
  }
}

/**
 * `count` faults: the same ones for the same seed, spread over phase, role, kind of action and kind of fault, so that a small
 * sample touches each.
 */
export function sampleFaults(faults: readonly Fault[], count: number, seed: number): Fault[] {
  const groups = new Map<string, Fault[]>();
  for (const fault of faults) {
    const key = [fault.phase, fault.role, fault.action.split(" ")[0], fault.kind].join(" ");
    groups.set(key, [...(groups.get(key) ?? []), fault]);
  }
  const random = mulberry32(seed);
  const queues = shuffled([...groups.keys()].sort(compare), random).map((key) => shuffled(groups.get(key) ?? [], random));
  const picked: Fault[] = [];
  for (let round = 0; picked.length < count && queues.some((queue) => queue.length > round); round += 1) {
    for (const queue of queues) {
      const fault = queue[round];
      if (fault !== undefined && picked.length < count) picked.push(fault);
    }
  }
  return picked;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** A small seeded generator; quality does not matter here, repeatability does. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
