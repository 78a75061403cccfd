/** A batch script for Slurm as rules read it: its options, from `#SBATCH` lines and `sbatch` command lines, and its shell. Pure. */
import type { Readings } from "../shell/expand";
import { documentsIn } from "../shell/parse";
import { followScript, type Started } from "../shell/run";

export interface BatchScript {
  readonly text: string;
  /** Long names without dashes, the last one given wins; a flag without a value is "". */
  readonly options: ReadonlyMap<string, string>;
  /** The environment that it is submitted with, as far as the program says it. */
  readonly variables: Readonly<Record<string, Readings>>;
}

const SHORT: Readonly<Record<string, string>> = { t: "time", p: "partition", c: "cpus-per-task", n: "ntasks", N: "nodes", G: "gpus", J: "job-name", o: "output", e: "error", d: "dependency", a: "array", q: "qos", A: "account", C: "constraint", D: "chdir" };

/**
 * Every batch job that a text describes or submits; none where it does neither. Several scripts that it writes are several
 * jobs, each with what the text does around them.
 */
export function batchScriptsIn(typed: string, variables: BatchScript["variables"] = {}): BatchScript[] {
  const text = typed.replaceAll("\r\n", "\n");
  const written = documentsIn(text).filter((document) => DIRECTIVE.test(document));
  const texts = written.length < 2 ? [text] : written.map((kept) => written.reduce((rest, other) => (other === kept ? rest : rest.replace(other, "")), text));
  return texts.flatMap((each) => parseBatchScript(each, variables) ?? []);
}

const DIRECTIVE = /^\s*#SBATCH\b/m;

/** null where no batch job is submitted or described. */
export function parseBatchScript(text: string, variables: BatchScript["variables"] = {}): BatchScript | null {
  const lines = text.split("\n");
  const given = [...lines.flatMap((line) => /^\s*#SBATCH\s+(.*?)(\s#.*)?$/.exec(line)?.[1] ?? []), ...lines.flatMap((line) => /^(?!\s*#)(?:.*?[\s;&|(/])?sbatch(?=\s|$)(.*)$/.exec(line)?.[1] ?? [])];
  return given.length === 0 ? null : { text, options: new Map(given.flatMap(optionsOf)), variables };
}

/** What follows the script's name are its arguments. */
function optionsOf(line: string): [string, string][] {
  const all = line.split(/\s+/).filter((word) => word !== "");
  const end = all.findIndex((word, index) => /^[^-].*\.(sh|bash|sbatch|slurm|job|batch)$/.test(word) && !/^-/.test(word) && !/^-[A-Za-z]$|^--[\w-]+$/.test(all[index - 1] ?? ""));
  const words = end === -1 ? all : all.slice(0, end);
  return words.flatMap((word, index): [string, string][] => {
    const [, long, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    const next = words[index + 1];
    const following = next === undefined || next.startsWith("-") ? "" : next;
    if (long !== undefined) return [[long, unquoted(value ?? following)]];
    const [, short = "", glued = ""] = /^-([A-Za-z])(.*)$/.exec(word) ?? [];
    const name = SHORT[short];
    return name === undefined ? [] : [[name, unquoted(glued === "" ? following : glued)]];
  });
}

const unquoted = (value: string): string => value.replace(/^(["'])(.*)\1$/, "$2");

/** Seconds of a time limit: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]; null when unlimited or unreadable. */
export function secondsOf(limit: string): number | null {
  const [, days, rest] = /^(?:(\d+)-)?([\d:]+)$/.exec(limit.trim()) ?? [];
  if (rest === undefined) return null;
  const parts = rest.split(":").map(Number);
  if (parts.length > 3 || parts.some((part) => !Number.isFinite(part))) return null;
  const [a = 0, b = 0, c = 0] = parts;
  if (days !== undefined) return Number(days) * 86_400 + a * 3600 + b * 60 + c;
  if (parts.length === 1) return a * 60;
  return parts.length === 2 ? a * 60 + b : a * 3600 + b * 60 + c;
}

/** `B:USR1@360`: whether the batch shell gets it, which signal, and how many seconds before the end. */
export function signalOf(option: string): { readonly toShell: boolean; readonly signal: string; readonly leadSeconds: number } | null {
  const [, flags = "", signal, lead] = /^(?:([BR]+):)?(?:SIG)?([A-Z0-9]+)(?:@(\d+))?$/i.exec(option) ?? [];
  return signal === undefined ? null : { toShell: flags.includes("B"), signal: signal.toUpperCase(), leadSeconds: lead === undefined ? 60 : Number(lead) };
}

/**
 * Whether the batch shell is sent a signal that it does not take. A file that is read in, or a program that takes the shell's
 * place, may; and a program that ends by itself leaves nobody to warn.
 */
export function diesOfItsWarning({ text, options }: BatchScript): boolean {
  const signal = signalOf(options.get("signal") ?? "");
  if (signal?.toShell !== true) return false;
  const names = SIGNALS.find((each) => each.includes(signal.signal)) ?? [signal.signal];
  const isTaken = new RegExp(`(^|[\\n;&|({])\\s*trap\\b[^\\n]*(\\s|SIG)(${names.join("|")})\\b`, "i").test(text);
  return !isTaken && !TAKEN_ELSEWHERE.test(text);
}

const SIGNALS: readonly (readonly string[])[] = [["HUP", "1"], ["INT", "2"], ["USR1", "10"], ["USR2", "12"], ["TERM", "15"]];
/** What is read in to set up an environment sets no traps. */
const TAKEN_ELSEWHERE = /(^|[\n;&|])\s*(exec\s+[^<>\d]|(source|\.)\s+(?!\S*(activate|conda|bashrc|profile|venv|module|spack|cuda))|timeout\s)/;

/** Accelerators by --gres, --gpus and its relatives, or --tres-per-*. */
export const asksForGpu = ({ options }: BatchScript): boolean =>
  [...options].some(([name, value]) => (/^gpus(-per-\w+)?$/.test(name) ? value !== "0" : /^(gres|tres-per-\w+)$/.test(name) && /\bgpu\b/.test(value)));

/** Every program that the script and what it submits would start. */
export const programsOf = ({ text, options, variables }: BatchScript): readonly Started[] =>
  followScript(text, { variables: { ...variables, ...exportedBy(options) }, folder: options.get("chdir") ?? "${SLURM_SUBMIT_DIR}", batchFolder: options.get("chdir") ?? null });

const exportedBy = (options: ReadonlyMap<string, string>): Record<string, Readings> =>
  Object.fromEntries((options.get("export") ?? "").split(",").flatMap((pair) => [...pair.matchAll(/^(\w+)=(.*)$/g)].map(([, name = "", value = ""]) => [name, [value]])));

/** What a comment in it says of its checkpoints, `# holdfast/checkpoint-dir: PLACE`; null when there is none. */
export function commentedPlaces(text: string): readonly string[] | null {
  const said = [...text.matchAll(/^\s*#+\s*holdfast\/checkpoint-dir:[ \t]*(.+)$/gm)].map(([, places = ""]) => places.trim());
  return said.length === 0 ? null : said.flatMap((places) => places.split(/[,\s]+/)).filter((place) => place !== "" && place !== "none");
}
