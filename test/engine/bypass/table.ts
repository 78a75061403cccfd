/** The one table of ways around the gate: the tests try it, docs/teardown.md shows it. */
import type { Followed, Later, Refused, Row } from "./row";
import { approvals, receipts, tiers } from "./rows/evidence";
import { engine } from "./rows/engine";
import { later } from "./rows/later";
import { edits, surgery } from "./rows/program";
import { rescued } from "./rows/rescue";
import { running } from "./rows/running";
import { afterTheGate, elsewhere } from "./rows/teardowns";
import { beforehand, beforehandWhileWriting } from "./rows/standing";
import { beginnings, ordinary } from "./rows/runs";

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly rows: readonly Row[];
}

export const sections: readonly Section[] = [
  { title: "While the job writes", text: "A process of the queue holds the run: whatever it writes from now on would be lost.", rows: [...running, ...beforehandWhileWriting] },
  { title: "Options and verbs of Pulumi", text: "The run is finished and nobody has pulled it.", rows: engine },
  { title: "Edits of the program", text: "The run is finished and nobody has pulled it.", rows: edits },
  { title: "Surgery on the state, other checkouts", text: "The run is finished and nobody has pulled it. Surgery on the state cannot be refused; what is left of the locks still holds, and the audit finds the rest.", rows: surgery },
  { title: "The receipt and the copy", text: "The run was pulled and approved; then one thing is not what it should be.", rows: receipts },
  { title: "The approval", text: "The run was pulled and proven; the approval is not what it should be.", rows: approvals },
  { title: "Consent given beforehand", text: "The run was pulled and proven; a standing approval is there, and no other.", rows: beforehand },
  { title: "What else lies there, and the ledger", text: "The run was pulled and approved; then something is found that nobody spoke of.", rows: tiers },
  { title: "After the gate, and without a machine", text: "Each on a stack of its own.", rows: [...afterTheGate, ...elsewhere, ...rescued] },
  { title: "First updates that failed, ordinary days", text: "Each on a stack of its own. None of them needs break-glass.", rows: [...beginnings, ...ordinary] },
  { title: "Not tried yet", text: "What these need does not exist yet.", rows: later },
];

export const table: readonly Row[] = sections.flatMap(({ rows }) => rows);
export const refusedRows: readonly Refused[] = table.filter((row) => row.kind === "refused");
export const followedRows: readonly Followed[] = table.filter((row) => row.kind === "followed");
export const laterRows: readonly Later[] = table.filter((row) => row.kind === "later");
