/** Adds one to the number in a file, COUNT times, each under a lock: argv LOCK FILE COUNT. */
import { readFileSync, writeFileSync } from "node:fs";
import { withFileLock } from "../../../custody";

const [lock = "", file = "", count = "0"] = process.argv.slice(2);
for (let number = 0; number < Number(count); number += 1) {
  withFileLock(lock, () => { writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1)); });
}
