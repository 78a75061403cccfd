/** What a recovery brought back. Pure. */
import type { RecoverReport } from "../../custody";
import { runId } from "../../custody/formats";
import type { ApiReport } from "../runs/recoverFromApi";
import type { Paint } from "./paint";
import { formatBytes, plural } from "./units";

/** `linked`: where a link to the person's own key was put. */
export function renderRecovery(report: RecoverReport, linked: string | null, paint: Paint): string {
  const { run } = report;
  const added = `${plural(report.entries, "ledger entry", "ledger entries")}, ${plural(report.documents.length, "document")}`;
  const outcome = {
    recovered: `Recovered ${runId(run)}: ${added}.`,
    merged: `Two ledgers of ${runId(run)} had grown apart and are one now, with every line of both (the copy had ${added}). What only one of them would have allowed is not allowed any more.`,
    kept: `What is here already says as much as the copy or more; ${plural(report.documents.length, "document")} added.`,
  }[report.outcome];
  return [
    paint("good", outcome),
    ...(report.outcome !== "kept"
      ? [`Its commands will speak to the API at ${report.api}. A copied ledger shows that it is whole, not who wrote it: no grant and no "disposable" in it counts; receipts and approvals are signed and do.`]
      : []),
    ...(linked === null ? [] : [`${linked} points to your key: later commands reach the machine with it.`]),
    ...(report.setAside === null ? [] : [paint("warn", `A ledger that could not be believed was set aside: ${report.setAside}`)]),
    ...report.untrusted.map(({ file, problem }) => paint("warn", `${file} does not count here: ${problem}`)),
    ...report.unknownKeys.map(({ keyId, publicKey }) => `${paint("warn", `A key that this project does not trust signed for it: ${keyId.slice(0, 12)}`)}\n${publicKey.trim()}\n  ${paint("faint", "next:")} if you know whose it is, add it to holdfast.trust.yaml (holdfast trust add)`),
    `  ${paint("faint", "next:")} holdfast status ${runId(run)}`,
  ].join("\n");
}

export function renderApiReport(report: ApiReport, paint: Paint): string {
  const id = runId(report.run);
  const evidence = {
    copies: `Recovered ${id} from the copies on its file system.`,
    here: `The ledger of ${id} here was kept; no copy on a file system says more.`,
    api: `No copy of the ledger of ${id} was found, so a new one was begun from what the API shows. Receipts, approvals and the history before are gone.`,
  }[report.evidence];
  const stands = report.standing.map(({ role, name, id: vendorId, news }) => `  ${role} ${name} (${vendorId})${news ? paint("warn", ", which no ledger knew") : ""}`);
  const read = report.artifacts === null
    ? "Nothing of the run was found on it."
    : `${plural(report.artifacts.files, "file")}, ${formatBytes(report.artifacts.bytes)}, ${report.artifacts.closed ? "the queue is closed" : "the run may still be writing"}.`;
  const next = report.machine === null
    ? [`holdfast rescue ${id} (attaches the cheapest instance to read the file system), then this command again`]
    : [`holdfast status ${id}`, `holdfast pull ${id}`];
  return [
    report.evidence === "api" ? paint("warn", evidence) : paint("good", evidence),
    `It stands at ${report.api}:`,
    ...stands,
    ...(report.machine === null ? [paint("warn", "No instance of it stands, so its file system cannot be read.")] : [`Read through ${report.machine}: ${read}`]),
    "It counts as any recovery: no grant, not disposable, a job counts as started.",
    ...next.map((step) => `  ${paint("faint", "next:")} ${step}`),
  ].join("\n");
}
