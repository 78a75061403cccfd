/**
 * npm run demo: the main job, told and checked step by step. Real engine, real machine, real training; the cloud is the
 * embedded sandbox. Exits non-zero as soon as a step does not do what it should, and cleans up whatever happens.
 */
import { colorsWanted } from "../render/paint";
import { planOfStack } from "../runs/stackPlan";
import type { DemoStep } from "./demo";
import { finish, killOnce, provision, watch } from "./provision";
import { perform } from "./stage";
import { approve, audit, destroy, pullAndVerify, refusedWithoutApproval, refusedWithoutReceipt } from "./teardown";
import { stackName, World } from "./world";

const steps: readonly DemoStep[] = [provision, watch, killOnce, finish, refusedWithoutReceipt, pullAndVerify, refusedWithoutApproval, approve, destroy, audit];

const usage = `Usage: npm run demo [-- --keep]

  --keep   keep the temporary folder with state, custody and the sandbox (still running), for inspection
  --help   show this help

Exit codes: 0 every step did what it should, 1 one did not, 2 wrong usage, 130 interrupted.`;

void perform({
  usage,
  chapters: steps.length,
  makeWorld: (narrator, signal) => new World(signal, new Date(), { width: narrator.width - 2, colour: colorsWanted(process.stdout, process.env) }),
  tell: async ({ world, narrator, signal, elapsed }) => {
    narrator.title("Holdfast: a training run that cannot be lost by accident", "The real Pulumi engine, a real Linux machine, real training; only the cloud is a sandbox on this computer.", `Nothing of yours is touched: everything happens in ${world.directory}.`);
    const { plan } = planOfStack(world.projectRoot, { stack: stackName, configFile: "Pulumi.dev.yaml" });
    for (const step of steps) await step({ world, narrator, signal, plan });
    narrator.line("");
    narrator.good(`Done in ${elapsed()}: provisioned, killed, resumed, refused, proven, approved, destroyed; nothing bills.`);
    return 0;
  },
}).then((code) => {
  process.exit(code);
});
