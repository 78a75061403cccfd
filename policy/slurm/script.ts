/** A batch script for Slurm as rules read it: its options, from `#SBATCH` lines and `sbatch` command lines, and its shell. Pure. */

export interface BatchScript {
  readonly text: string;
  /** Long names without dashes, the last one given wins; a flag without a value is "". */
  readonly options: ReadonlyMap<string, string>;
}

const SHORT: Readonly<Record<string, string>> = { t: "time", p: "partition", c: "cpus-per-task", n: "ntasks", N: "nodes", G: "gpus", J: "job-name", o: "output", e: "error", d: "dependency", a: "array", q: "qos", A: "account", C: "constraint" };

/** null where no batch job is submitted or described. */
export function parseBatchScript(text: string): BatchScript | null {
  const lines = text.split("\n");
  const given = [...lines.flatMap((line) => /^\s*#SBATCH\s+(.*?)(\s#.*)?$/.exec(line)?.[1] ?? []), ...lines.flatMap((line) => /(?:^|[\s;&|(])sbatch\s+(.*)$/.exec(line)?.[1] ?? [])];
  if (given.length === 0) return null;
  return { text, options: new Map(given.flatMap(optionsOf)) };
}

function optionsOf(line: string): [string, string][] {
  const words = line.split(/\s+/).filter((word) => word !== "");
  return words.flatMap((word, index): [string, string][] => {
    const [, long, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    const next = words[index + 1];
    const following = next === undefined || next.startsWith("-") ? "" : next;
    if (long !== undefined) return [[long, value ?? following]];
    const [, short = "", glued = ""] = /^-([A-Za-z])(.*)$/.exec(word) ?? [];
    const name = SHORT[short];
    return name === undefined ? [] : [[name, glued === "" ? following : glued]];
  });
}

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

/** Bodies of traps by signal name, functions resolved one level deep. */
export function trapsOf(text: string): { readonly signals: readonly string[]; readonly body: string }[] {
  const functions = new Map([...text.matchAll(/(?:^|\n)\s*(?:function\s+)?([A-Za-z_]\w*)\s*(?:\(\s*\))\s*\{([\s\S]*?)\n?\s*\}(?=\s|;|$)/g)].map(([, name = "", body = ""]) => [name, body]));
  return [...text.matchAll(/(?:^|[\n;&])\s*trap\s+(?:--\s+)?('[^']*'|"[^"]*"|[^\s'"]+)\s+([A-Z0-9a-z ]+)/g)].map(([, quoted = "", signals = ""]) => {
    const action = quoted.replace(/^['"]|['"]$/g, "");
    const called = action.split(/[;\s&|]+/).flatMap((word) => functions.get(word) ?? []);
    return { signals: signals.trim().split(/\s+/).map((signal) => signal.toUpperCase().replace(/^SIG/, "").replace(/^15$/, "TERM")), body: [action, ...called].join("\n") };
  });
}
