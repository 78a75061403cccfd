/** The real edges that a provider operation is given: clock, custody store, terminal, engine. */
import { hostname } from "node:os";
import { copyPlacesOf, openCustody, projectRootFrom, runId, UserError } from "../custody";
import type { Clock } from "../custody/clock";
import { systemClock } from "../custody/clock";
import { assertEngineAlive } from "./engine";
import type { Context } from "./kind";
import { runOf } from "./kind";

/** The working directory is only where the search for the project starts; nothing in state is derived from it. */
export function createContext(workingDirectory: string, clock: Clock = systemClock): Context {
  const projectRoot = projectRootFrom(workingDirectory);
  const custodyOf: Context["custody"] = (binding) => openCustody(projectRoot, { clock, expectId: binding.custodyId });
  return {
    projectRoot,
    clock,
    copies: () => copyPlacesOf(process.env, hostname()),
    custody: custodyOf,
    run: (binding) => {
      try {
        return custodyOf(binding).run(runOf(binding));
      } catch (error) {
        // The store does not know which run was wanted; who reads the message must.
        if (!(error instanceof UserError) || error.code !== "custody-elsewhere") throw error;
        throw new UserError(error.message, { code: error.code, next: [`holdfast recover ${runId(runOf(binding))}`, ...error.next.filter((step) => step !== "holdfast recover")], cause: error });
      }
    },
    say: (message) => {
      console.log(message);
    },
    assertEngineAlive: () => assertEngineAlive(),
  };
}
