/** The facade: one training run on one platform, from the same arguments that a stack's config gives. */
import * as pulumi from "@pulumi/pulumi";
import type { CapacityWaiting } from "../custody/formats";
import type { RunCustody } from "../custody";
import { assertNotAdopted, openCustody, projectRootFrom } from "../custody";
import { UserError } from "../custody/userError";
import type { StackConfig, StackConfigInput } from "../profiles";
import { parseStackConfig, profileFor, PROVISIONED, resolve } from "../profiles";
import { judgedPlan } from "../profiles/judgedPlan";
import type { Plan } from "../profiles/plan";
import { assertAsDeclared } from "../providers/asDeclared";
import type { Binding } from "../providers/kind";
import { runOf } from "../providers/kind";
import { endpointOf } from "../providers/endpointOf";
import { markSecrets } from "../providers/job/secrets";
import { readJob } from "../providers/job/source";
import { savePlan } from "../providers/planStore";
import { fetchBeforeProgram } from "../providers/sharedCustody/beforeProgram";
import { assertFreshBuild } from "../providers/build";
import { fromProgramsLine } from "../providers/callSite";
import { forPeople } from "./errors";
import { LambdaRun } from "./lambda/lambdaRun";
import { localBackendWarning } from "./localBackend";
import { undeclaredRuns } from "./liveRuns";
import { installLocks } from "./locks";
import { announceEdits } from "./rosterEdits";
import type { PlatformRunArgs, PlatformRunOutputs } from "./platform";

/** What a run needs: the keys of a stack's `holdfast:` config, and nothing else. */
export type TrainingRunArgs = StackConfigInput & {
  /** Names of further runs that this program declares in the same stack; one run per stack is the rule. */
  readonly otherRuns?: readonly string[];
};

interface Resolved extends PlatformRunArgs {
  readonly config: StackConfig;
  readonly run: RunCustody;
}

/** Builders by platform; adding a platform adds a line. */
const builders: Readonly<Record<(typeof PROVISIONED)[number], (name: string, args: PlatformRunArgs, options: pulumi.ComponentResourceOptions) => PlatformRunOutputs>> = {
  lambda: (name, args, options) => new LambdaRun(name, args, options),
};

/**
 * A training run whose teardown refuses until its artifacts are pulled, proven to load, and approved.
 *
 * @example new TrainingRun("digits", { platform: "lambda", job: "examples/digits/job.yaml", budget: { maxHours: 4, maxUsd: 10 } });
 */
export class TrainingRun extends pulumi.ComponentResource implements PlatformRunOutputs {
  readonly plan: Plan;
  readonly directory: pulumi.Output<string | null>;
  readonly address: pulumi.Output<string>;
  readonly machine: pulumi.Output<string>;
  readonly hourlyUsd: pulumi.Output<number>;
  readonly waiting: pulumi.Output<CapacityWaiting | null>;

  /** `name` is the run's name: lower-case letters, digits and dashes. Throws RunError with every fault of the arguments at once. */
  constructor(name: string, args: TrainingRunArgs, options: pulumi.ComponentResourceOptions = {}) {
    const resolved = forPeople(() => resolveRun(name, args));
    super("holdfast:index:TrainingRun", name, { platform: resolved.plan.platform, plan: judgedPlan(resolved.plan) }, fromProgramsLine(options));
    installLocks();
    this.plan = resolved.plan;
    const platform = PROVISIONED.find((known) => known === resolved.plan.platform);
    if (platform === undefined) {
      throw new pulumi.RunError(
        `platform: ${resolved.plan.platform} can be planned (holdfast plan, holdfast explain ${resolved.plan.platform}), and not provisioned by this version; it can: ${PROVISIONED.join(", ")}. Nothing was created.`,
      );
    }
    const build = builders[platform];
    const run = build(name, resolved, { parent: this });
    this.directory = run.directory;
    this.address = run.address;
    this.machine = run.machine;
    this.hourlyUsd = run.hourlyUsd;
    this.waiting = run.waiting;
    const outputs = { directory: this.directory, address: this.address, machine: this.machine, hourlyUsd: this.hourlyUsd, waiting: this.waiting };
    // The engine waits for the outputs, so the words come before the program's end.
    this.registerOutputs(announceEdits(resolved.run, resolved.plan, this).then(() => outputs));
  }
}

function resolveRun(name: string, { otherRuns = [], ...args }: TrainingRunArgs): Resolved {
  assertFreshBuild();
  const projectRoot = projectRootFrom(process.cwd());
  const config = parseStackConfig(args, `run "${name}"`);
  const { request, code, inputs, lock } = readJob(config, projectRoot);
  for (const line of fetchBeforeProgram(projectRoot, pulumi.getProject(), pulumi.getStack())) void (line.startsWith("WARNING") ? pulumi.log.warn(line) : pulumi.log.info(line));
  const custody = openCustody(projectRoot, { create: true });
  const binding: Binding = { custodyId: custody.id, project: pulumi.getProject(), stack: pulumi.getStack(), run: name };
  const undeclared = undeclaredRuns(custody, binding, [name, ...otherRuns]);
  if (undeclared.length > 0) throw secondRun(name, binding, undeclared);
  const run = custody.run(runOf(binding));
  assertNotAdopted(run, `the program's run "${name}". Nothing was created`);
  askForSecrets(request.secrets, run);
  const endpoint = endpointOf(config);
  const local = localBackendWarning(projectRoot, endpoint.api);
  if (local !== null) void pulumi.log.warn(local);
  const plan = resolve(request, profileFor(config.platform), { run: runOf(binding), config, codeSha256: code.sha256, inputs, lock, now: new Date() });
  assertAsDeclared(run, plan, process.env);
  return {
    binding,
    config,
    run,
    plan,
    planSha256: savePlan(run, plan),
    endpoint,
    code,
    secrets: markSecrets(request.secrets, process.env, custody),
  };
}

/** Without them the job would fail on a machine that bills already. Once it runs they are only needed for a change. */
function askForSecrets(names: readonly string[], run: RunCustody): void {
  const missing = names.filter((name) => process.env[name] === undefined);
  if (missing.length === 0 || run.entries().some(({ kind }) => kind === "job.started")) return;
  const text = `The job names secrets that are not in the environment: ${missing.join(", ")}.`;
  if (pulumi.runtime.isDryRun()) void pulumi.log.warn(`${text} An update will need them.`);
  else throw new UserError(`${text} Nothing was created.`, { code: "secret-missing", next: missing.map((name) => `export ${name}=...`) });
}

function secondRun(name: string, binding: Binding, undeclared: readonly string[]): UserError {
  const live = undeclared.map((run) => `"${run}"`).join(", ");
  return new UserError(`Stack ${binding.stack}: the ledger has the live run ${live}, which this program does not declare, and "${name}" would be a second one beside it. Nothing was created.`, {
    code: "undeclared-run",
    next: [
      `if "${name}" is a new name for it: keep the old name (a run's name is where its artifacts live)`,
      "if the old run is over: pulumi destroy it first, with the program that made it",
      `if both are wanted: otherRuns: [${undeclared.map((run) => JSON.stringify(run)).join(", ")}] in the arguments`,
    ],
  });
}
