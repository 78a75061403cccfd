/** The figures as a table for people and as JSON for programs. */
import { arch, cpus, loadavg, totalmem } from "node:os";

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** As written in the documentation, e.g. `>= 0.9`; null: measured only. */
  readonly goal: string | null;
}

/** What one part of the bench is asked for. */
export interface Scale {
  /** Small files, few cells and runs: whether it works, not what it costs. */
  readonly quick: boolean;
  /** How often what is compared is repeated. */
  readonly rounds: number;
}

export interface Part {
  readonly part: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** The load says whether anything else ran: figures taken beside other work compare only with themselves. */
export const machineShape = (): string =>
  `${cpus().length} x ${cpus()[0]?.model.trim() ?? "cpu"}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, ${arch()}, Node ${process.versions.node}, load ${loadavg().map((load) => load.toFixed(1)).join(" ")}`;

/** Whether a figure meets its goal; null where there is none, and where there is no figure. */
export function meets(row: Row): boolean | null {
  const match = /^(>=|<=|<|>) ([\d.]+)$/.exec(row.goal ?? "");
  if (!match || Number.isNaN(row.value)) return null;
  const [, sign = "", bound = ""] = match;
  const holds: Readonly<Record<string, boolean>> = { ">=": row.value >= Number(bound), "<=": row.value <= Number(bound), "<": row.value < Number(bound), ">": row.value > Number(bound) };
  return holds[sign] ?? null;
}

export function renderTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = (row: Row): string => {
    const verdict = { true: "met", false: "MISSED", null: "" }[String(meets(row)) as "true" | "false" | "null"];
    return `${row.name.padEnd(width)}  ${figure(row.value).padStart(9)} ${row.unit.padEnd(5)}  ${(row.goal ?? "").padEnd(7)} ${verdict}`.trimEnd();
  };
  return rows.map(line).join("\n");
}

/** Three digits that mean something; whole numbers whole. */
function figure(value: number): string {
  if (Number.isNaN(value)) return "none";
  return Number.isInteger(value) || Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
