/**
 * A provider process that dies at the worst moment. argv: project root, inputs as JSON, the moment: `before-reply` (the
 * launch is carried out, its reply never read) or `after-launch` (confirmed, while it waits for the boot).
 */
import { hostname } from "node:os";
import { copyPlacesOf } from "../../../custody/copyPlaces";
import { systemClock } from "../../../custody/clock";
import { openCustody } from "../../../custody/store";
import type { Context } from "../../../providers/kind";
import { runOf } from "../../../providers/kind";
import { createLambdaClient } from "../../../providers/lambda/api/client";
import { createPace, paceDirectory } from "../../../providers/lambda/api/pace";
import { connectLambda } from "../../../providers/lambda/connection";
import type { InstanceInputs } from "../../../providers/lambda/kinds/instance";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import { edgesOf } from "./bench";

const [projectRoot = "", json = "{}", moment = ""] = process.argv.slice(2);
const inputs = JSON.parse(json) as InstanceInputs;
const custody = openCustody(projectRoot);
const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("still alive");
};
const context: Context = {
  projectRoot,
  clock: systemClock,
  copies: () => copyPlacesOf({}, hostname()),
  custody: () => custody,
  run: (binding) => custody.run(runOf(binding)),
  say: () => undefined,
  assertEngineAlive: () => Promise.resolve(),
};
const kind = instanceKind({
  ...edgesOf(() => undefined),
  connect: async (ref, given) => {
    const { endpoint, time } = await connectLambda(ref, given);
    const pace = createPace({ directory: paceDirectory(), apiKey: endpoint.apiKey, timeScale: endpoint.timeScale, clock: systemClock });
    const client = createLambdaClient(endpoint, {
      clock: systemClock,
      pace,
      fault: (point, request) => {
        const isLaunch = request.url.endsWith("/launch");
        if (moment === "before-reply" && point === "after-reply" && isLaunch) die();
        if (moment === "after-launch" && point === "before-send" && /\/instances\/[0-9a-f]+$/.test(request.url)) die();
      },
    });
    return { endpoint, time, client };
  },
});
void kind.create(inputs, context);
