/**
 * npm run demo: the main job, told and checked step by step. Real engine, real machine, real training; the cloud is the
 * embedded sandbox. Exits non-zero as soon as a step does not do what it should, and cleans up whatever happens.
 */
import { parseArgs } from "node:util";
import { messageOf, UserError } from "../../custody/userError";
import { Interrupted } from "../exitCodes";
import { colorsWanted } from "../render/paint";
import { formatDuration } from "../render/units";
import { planOfStack } from "../runs/stackPlan";
import type { Demo, DemoStep } from "./demo";
import { DemoFault } from "./expect";
import { Narrator } from "./narrator";
import { finish, killOnce, provision, watch } from "./provision";
import { approve, audit, destroy, pullAndVerify, refusedWithoutApproval, refusedWithoutReceipt } from "./teardown";
import { stackName, World } from "./world";

const steps: readonly DemoStep[] = [provision, watch, killOnce, finish, refusedWithoutReceipt, pullAndVerify, refusedWithoutApproval, approve, destroy, audit];

const usage = `Usage: npm run demo [-- --keep]

  --keep   keep the temporary folder with state, custody and the sandbox (still running), for inspection
  --help   show this help

Exit codes: 0 every step did what it should, 1 one did not, 2 wrong usage, 130 interrupted.`;

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "number") return options;
  const interrupt = new AbortController();
  const narrator = new Narrator(process.stdout, process.env, steps.length);
  const onSignal = (): void => {
    interrupt.abort(new Interrupted());
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  const started = Date.now();
  const world = new World(interrupt.signal, new Date(started), { width: narrator.width - 2, colour: colorsWanted(process.stdout, process.env) });
  let code: number;
  try {
    code = await tell({ world, narrator, signal: interrupt.signal }, started);
  } catch (error) {
    code = report(narrator, error, interrupt.signal.aborted);
  }
  return cleanUp(world, narrator, options.keep, code);
}

async function tell(parts: Omit<Demo, "plan">, started: number): Promise<number> {
  const { world, narrator } = parts;
  narrator.title("Holdfast: a training run that cannot be lost by accident", "The real Pulumi engine, a real Linux machine, real training; only the cloud is a sandbox on this computer.", `Nothing of yours is touched: everything happens in ${world.directory}.`);
  const { plan } = planOfStack(world.projectRoot, { stack: stackName, configFile: "Pulumi.dev.yaml" });
  for (const step of steps) await step({ ...parts, plan });
  narrator.line("");
  narrator.good(`Done in ${formatDuration((Date.now() - started) / 1000)}: provisioned, killed, resumed, refused, proven, approved, destroyed; nothing bills.`);
  return 0;
}

function report(narrator: Narrator, error: unknown, interrupted: boolean): number {
  narrator.line("");
  if (interrupted) {
    narrator.bad("Interrupted; cleaning up.");
    return 130;
  }
  if (error instanceof DemoFault) {
    narrator.bad(`The step "${error.step}" did not do what it should.`);
    narrator.say(`  expected: ${error.expected}`);
    narrator.say("  seen:");
    narrator.output(error.seen);
    return 1;
  }
  narrator.bad(error instanceof UserError ? error.paragraph : messageOf(error));
  if (!(error instanceof UserError) && error instanceof Error && error.stack) narrator.output(error.stack);
  return 1;
}

async function cleanUp(world: World, narrator: Narrator, keep: boolean, code: number): Promise<number> {
  try {
    await narrator.during("cleaning up", world.close(keep));
  } catch (error) {
    narrator.bad(`Cleaning up failed: ${messageOf(error)}`);
    narrator.say(`  next: rm -rf ${world.directory}`);
    return code === 0 ? 1 : code;
  }
  if (keep) {
    const variables = ["HOLDFAST_CUSTODY_DIR", "HOLDFAST_SANDBOX_DIR", "PULUMI_BACKEND_URL", "PULUMI_HOME"].map((name) => `${name}='${process.env[name] ?? ""}'`);
    narrator.say(`Kept: ${world.directory} (sandbox still running). To look around:`);
    narrator.output(`export ${variables.join(" ")} PULUMI_CONFIG_PASSPHRASE=''\nholdfast sandbox reset; rm -rf '${world.directory}'   # when you are done`);
  } else {
    narrator.say("Cleaned up: the sandbox has ended, its instances and the temporary folder are gone.");
  }
  return code;
}

function readOptions(): { keep: boolean } | number {
  try {
    const { values } = parseArgs({ options: { keep: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } } });
    if (!values.help) return { keep: values.keep };
    process.stdout.write(`${usage}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}\n`);
    return 2;
  }
}

void main().then((code) => {
  process.exit(code);
});
