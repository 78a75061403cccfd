/** Dies by SIGKILL in the middle of an append: argv PROJECT OPERATION. After `half` bytes of the line are on disk when OPERATION is `half`. */
import { appendFileSync } from "node:fs";
import { durableWrites, openCustody, type WriteStep } from "../../../custody";
import { run } from "../support";

const [project = "", operation = ""] = process.argv.slice(2);
const opened = openCustody(project).run(run);

durableWrites.beforeStep = (step: WriteStep) => {
  if (step.path !== opened.paths.ledger) return;
  if (operation === "half" && step.operation === "write") {
    appendFileSync(step.path, '{"at":"2026-03-01T12:00:00.000Z","data":{"text":"cut');
    process.kill(process.pid, "SIGKILL");
  }
  if (step.operation === operation) process.kill(process.pid, "SIGKILL");
};
opened.append("note", { text: "about to die" });
