/**
 * Faults of what people typed: collected, never one at a time, each with its property path, the value and what is
 * allowed. Schemas built with the functions here carry "what is allowed" as their messages, as a noun phrase.
 */
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { UserError } from "../../custody/userError";

export type PropertyPath = readonly (string | number)[];

export interface Fault {
  readonly path: PropertyPath;
  /** One line, without the path: `= "lr 0.1": must be ...`. */
  readonly message: string;
  /** 1-based line of the file it was typed in. */
  readonly line?: number;
}

/** Everything wrong with one document. `code` is `config`. */
export class ConfigError extends UserError {
  constructor(
    readonly source: string,
    readonly what: string,
    readonly faults: readonly Fault[],
  ) {
    super(renderFaults(source, what, faults), { code: "config" });
    this.name = "ConfigError";
  }
}

/** A map whose unknown keys are faults. */
export const section = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, { error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(", ") : `a map with the keys ${Object.keys(shape).join(", ")}`) });

export const text = (allowed: string, pattern = /^[^\0]+$/u) => z.string({ error: allowed }).regex(pattern, { error: allowed });
export const positive = (allowed: string) => z.number({ error: allowed }).positive({ error: allowed });
export const wholeFrom = (least: number, allowed: string) => z.number({ error: allowed }).int({ error: allowed }).min(least, { error: allowed });
export const choice = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, { error: `one of ${values.join(", ")}` });
export const list = <T extends z.ZodType>(item: T, allowed: string) => z.array(item, { error: allowed });

export interface ParseOptions {
  /** Paths whose value is never printed. */
  readonly hidden: (path: PropertyPath) => boolean;
  /** Instead of "unknown key": why this key cannot be there. */
  readonly forbiddenKey?: (path: PropertyPath) => string | null;
  /** Checks across properties, on the raw value, so that they run whatever else is wrong. */
  readonly across?: (raw: unknown) => readonly Fault[];
}

/** Parses with every fault collected; shape faults first, then those across properties. */
export function parseWithFaults<T extends z.ZodType>(schema: T, raw: unknown, options: ParseOptions): { value: z.output<T> | null; faults: Fault[] } {
  const parsed = schema.safeParse(raw, { reportInput: false });
  const shape = parsed.success ? [] : parsed.error.issues.flatMap((issue) => faultsOfIssue(issue, raw, options, []));
  const across = options.across?.(raw) ?? [];
  const known = new Set(shape.map((fault) => JSON.stringify(fault.path)));
  const faults = [...shape, ...across.filter((fault) => !known.has(JSON.stringify(fault.path)))];
  return { value: parsed.success ? parsed.data : null, faults };
}

type Issue = z.core.$ZodIssue;

function faultsOfIssue(issue: Issue, raw: unknown, options: ParseOptions, above: PropertyPath): Fault[] {
  const path = [...above, ...(issue.path as (string | number)[])];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], issue.message.split(", "), options));
  if (issue.code === "invalid_key") return [{ path, message: `must have a name that is ${issue.issues[0]?.message ?? "allowed"}` }];
  if (issue.code === "invalid_union") {
    const branch = closestBranch(issue.errors);
    if (branch !== null) return branch.flatMap((inner) => faultsOfIssue(inner, raw, options, path));
  }
  return [{ path, message: describe(valueAt(raw, path), issue.message, options.hidden(path)) }];
}

/** Of a union's branches the one that was meant: of the right kind, with the fewest unknown keys, then the fewest faults. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const unknownKeys = (issues: readonly Issue[]): number => issues.filter((issue) => issue.code === "unrecognized_keys").length;
  const ofTheRightKind = branches.filter((issues) => issues.length > 0 && issues.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys"));
  return ofTheRightKind.toSorted((a, b) => unknownKeys(a) - unknownKeys(b) || a.length - b.length)[0] ?? null;
}

function describe(value: unknown, allowed: string, hidden: boolean): string {
  if (value === undefined) return `is missing: must be ${allowed}`;
  return `= ${hidden ? "(not shown)" : renderValue(value)}: must be ${allowed}`;
}

/** A fault for a value that is of the right shape and still cannot be. */
export const faultAt = (path: PropertyPath, message: string): Fault => ({ path, message });

function unknownKey(path: PropertyPath, allowed: readonly string[], options: ParseOptions): Fault {
  const why = options.forbiddenKey?.(path);
  if (why) return { path, message: why };
  const near = nearest(String(path.at(-1)), allowed);
  return { path, message: `is not known${near === null ? "" : `, did you mean ${near}?`} (allowed here: ${allowed.join(", ")})` };
}

/** The candidate that was probably meant, or null. */
export function nearest(typed: string, candidates: readonly string[]): string | null {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, "");
  const ranked = candidates.map((name) => ({ name, cost: distance(plain(typed), plain(name)) })).sort((a, b) => a.cost - b.cost);
  const longer = candidates.filter((name) => typed.length >= 3 && plain(name).startsWith(plain(typed)));
  if (longer.length === 1) return longer[0] ?? null;
  const best = ranked[0];
  return best !== undefined && best.cost <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : null;
}

/** `roster[2].name`; the empty path is `(document)`. */
export const renderPath = (path: PropertyPath): string =>
  path.length === 0 ? "(document)" : path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");

function renderValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "a map";
  const rendered = typeof value === "string" ? JSON.stringify(value) : String(value);
  return rendered.length > 60 ? `${rendered.slice(0, 57)}...` : rendered;
}

function renderFaults(source: string, what: string, faults: readonly Fault[]): string {
  const lines = faults.map(({ path, message, line }) => `  ${line === undefined ? "" : `line ${line}: `}${renderPath(path)} ${message}`);
  return `${source} is not a valid ${what}, ${faults.length === 1 ? "one fault" : `${faults.length} faults`}:\n${lines.join("\n")}`;
}

export function valueAt(raw: unknown, path: PropertyPath): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === "object" && value !== null && Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined), raw);
}
