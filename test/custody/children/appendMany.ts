/** Appends notes to a ledger: argv PROJECT COUNT LABEL. With COUNT 0 it goes on until it is killed. */
import { openCustody } from "../../../custody";
import { run } from "../support";

const [project = "", count = "0", label = ""] = process.argv.slice(2);
const opened = openCustody(project).run(run);
process.stdout.write("ready\n");
for (let number = 0; Number(count) === 0 || number < Number(count); number += 1) {
  opened.append("note", { text: `${label}-${number} ${"x".repeat(Number(count) === 0 ? 20_000 : 10)}` });
}
