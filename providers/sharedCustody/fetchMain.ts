/**
 * Run by the program as a process of its own, since a Pulumi program is not asynchronous where it needs this: makes or takes over
 * the store, and brings every run of the stack up to the shared place. argv: project root, project, stack. Says what people should
 * know, one line each, on stdout. Exit code 0: done; 5: the store cannot be asked now; 1: anything else, explained on stderr.
 */
import { systemClock } from "../../custody/clock";
import { messageOf } from "../../custody/userError";
import { canWait, describeFetch, isFault } from "./inStep";
import { openSharedCustody } from "./open";
import { sharedStoreOfStack } from "./settings";

async function main([projectRoot = "", project = "", stack = ""]: readonly string[]): Promise<number> {
  const store = sharedStoreOfStack(projectRoot, stack);
  if (store === null) return 0;
  const shared = openSharedCustody(store, { projectRoot, clock: systemClock });
  try {
    const custody = await shared.open();
    for (const { run: ref, version } of await shared.runs(project)) {
      const run = custody.run(ref);
      if (ref.stack !== stack || shared.isKnown(run, version)) continue;
      for (const line of describeFetch(shared, run, await shared.fetch(run))) console.log(line);
    }
    return 0;
  } catch (error) {
    console.error(messageOf(error));
    if (!isFault(error)) return 1;
    return canWait(error) ? 5 : 1;
  } finally {
    await shared.close();
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
