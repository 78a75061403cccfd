/** npm run faults:all [-- WORDS...]: every point of a life, or those whose description holds every word. Exit code 1 when a life went wrong. */
import { writeFileSync } from "node:fs";
import { recordLife } from "./life";
import { describeFault, faultsAt } from "./point";
import { liveThroughAll, summaryLine } from "./pool";

async function main(words: readonly string[]): Promise<number> {
  const say = (line: string): void => { process.stdout.write(`${line}\n`); };
  const faults = faultsAt(await recordLife()).filter((fault) => words.every((word) => describeFault(fault).includes(word)));
  say(`${faults.length} faults to live through`);
  let lived = 0;
  const summary = await liveThroughAll(faults, 2, (line) => { say(`${++lived}/${faults.length} ${line}`); });
  say(["", ...summary.faults, summaryLine(summary)].join("\n"));
  const report = process.env["HOLDFAST_FAULTS_REPORT"];
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(summary, null, 2)}\n`);
  return summary.faults.length === 0 ? 0 : 1;
}

void main(process.argv.slice(2)).then((code) => { process.exitCode = code; });
