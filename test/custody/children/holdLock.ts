/** Takes a file lock and keeps it: argv PATH. Says `held`, and waits to be killed. */
import { acquireFileLock } from "../../../custody";

acquireFileLock(process.argv[2] ?? "");
process.stdout.write("held\n");
setInterval(() => undefined, 60_000);
