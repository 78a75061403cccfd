/** The figures as a table for people and as JSON for programs. */
import { arch, cpus, totalmem } from "node:os";

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** As written in the documentation, e.g. `>= 0.9`; null: measured only. */
  readonly goal: string | null;
}

export const machineShape = (): string => `${cpus().length} x ${cpus()[0]?.model.trim() ?? "cpu"}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, ${arch()}, Node ${process.versions.node}`;

/** Whether a figure meets its goal; null where there is none. */
export function meets(row: Row): boolean | null {
  const match = /^(>=|<=|<|>) ([\d.]+)$/.exec(row.goal ?? "");
  if (!match) return null;
  const [, sign = "", bound = ""] = match;
  const holds: Readonly<Record<string, boolean>> = { ">=": row.value >= Number(bound), "<=": row.value <= Number(bound), "<": row.value < Number(bound), ">": row.value > Number(bound) };
  return holds[sign] ?? null;
}

export function renderTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = (row: Row): string => {
    const verdict = { true: "met", false: "MISSED", null: "" }[String(meets(row)) as "true" | "false" | "null"];
    return `${row.name.padEnd(width)}  ${row.value.toPrecision(3).padStart(9)} ${row.unit.padEnd(5)}  ${(row.goal ?? "").padEnd(7)} ${verdict}`.trimEnd();
  };
  return rows.map(line).join("\n");
}
