/**
 * One pass of the keeper in this process, which dies at the durable write with the given number; one that survives leaves the number
 * of its writes in the file `writes`.
 */
import { writeFileSync } from "node:fs";
import { durableWrites } from "../../../custody";
import { run } from "../../../cli/main";
import { processTerminal } from "../../../cli/terminal";

const kill = Number(process.argv[2]);
let step = 0;
durableWrites.beforeStep = () => {
  if (step++ === kill) process.kill(process.pid, "SIGKILL");
};
void run(["keeper", "--once", "--json"], processTerminal()).then((code) => {
  writeFileSync("writes", String(step));
  process.exitCode = code;
});
