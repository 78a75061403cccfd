/** Job request x profile -> plan. A pure function: no clock but the one it is given, no network, no environment, so no secret's value either. */
import { canonicalJson, sha256Hex } from "../custody/canonical";
import type { RunRef } from "../custody/formats";
import { stepsBetweenCheckpoints, wasteOf, youngDaly } from "./planning/cadence";
import { boundCost } from "./planning/cost";
import { cacheEnvironmentOf } from "./planning/caches";
import { diskOf } from "./planning/disk";
import { inputsOf, inputsSha256 } from "./planning/inputs";
import { valueOr } from "./fact";
import { ConfigError } from "./input/faults";
import type { JobCell, JobRequest } from "./job";
import { MOUNT, type Plan, type PlanCapacity, type PlanCell, type PlanCheckpoint, type PlanHost, type PlanInput, type PlanLock, type PlanResources, type PlanStorage } from "./plan";
import { faultsOfPlan } from "./planning/contradictions";
import type { ResolveOptions } from "./planning/options";
import { settingsOf, type PlatformSettings } from "./planning/settings";
import { clocksOf, deletionsOf, gotchasOf, verbOf } from "./planning/teardown";
import { warningsOf } from "./planning/warnings";
import type { Profile } from "./schema";
import { believedAt } from "./staleness";
import type { StackConfig } from "./stackConfig";

/** Kept in every cell, whatever is declared scratch. */
export const ALWAYS_KEPT: readonly string[] = ["metrics.json", "metrics.jsonl", "metrics/**", "tensorboard/**", "*.log", "logs/**"];

/** Taken where a platform's own mean time between interruptions is unknown. */
const UNKNOWN_MEAN_HOURS = 12;

/** The plan, or every contradiction between job, config and profile at once. Throws ConfigError. */
export function resolve(job: JobRequest, profile: Profile, options: ResolveOptions): Plan {
  const { run, config, now = null } = options;
  const faults = faultsOfPlan(job, profile, options);
  if (faults.length > 0) throw new ConfigError(`run ${run.name}`, `plan for ${profile.id}`, faults);
  const believed = now === null ? profile : believedAt(profile, now);
  const settings = settingsOf(config);
  const resources = resourcesOf(job);
  const capacity: PlanCapacity = config.capacity;
  const inputs = inputsOf(job, options.inputs);
  const disk = diskOf(job, profile, inputs);
  const cost = boundCost({ profile, capacity, resources, disk, metered: settings.metered, maxHours: config.budget.maxHours });
  const disposable = config.disposable === null ? job.disposable : config.disposable || null;
  const deletions = deletionsOf({ profile, believed, config, settings, resources, disk, cost });
  const checkpoint = checkpointOf(job, profile);
  return {
    v: 1,
    run: { project: run.project, stack: run.stack, name: run.name },
    platform: profile.id,
    durable: { tier: profile.durable.tier, mountFrom: profile.durable.mountFrom.replace("{durablePath}", settings.durablePath ?? ""), runDirectoryTemplate: `${MOUNT}/holdfast/${run.project}/${run.stack}/${run.name}` },
    ownDisk: { tier: profile.ownDisk.tier, home: homeOf(profile) },
    host: hostOf(profile, settings),
    cells: job.roster.map((cell) => cellOf(cell, job, inputs, options.codeSha256)),
    environment: { ...job.env },
    secretNames: [...job.secrets],
    setup: job.setup.script,
    lock: lockOf(job, options),
    setupMaxSeconds: Math.ceil(job.setup.maxMinutes * 60),
    inputs,
    resources,
    checkpoint,
    disk,
    teardown: { verb: verbOf(profile, config), storage: config.teardown.storage, require: config.teardown.require, deletions },
    storage: storageOf(run, config, settings.region),
    capacity,
    budget: { ...config.budget },
    clocks: clocksOf(believed, settings, config.budget.maxHours, disposable),
    cost,
    warnings: warningsOf({ job, profile, config, settings, resources, checkpoint, disk, inputs, cost, disposable, deletions, now }),
    gotchas: gotchasOf(profile, job, config, deletions),
    disposable,
  };
}

/** A word for a POSIX shell: quoted unless it is plainly safe. Nothing in it is expanded. */
export const quoteWord = (word: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

function cellOf(cell: JobCell, job: JobRequest, inputs: readonly PlanInput[], codeSha256: string): PlanCell {
  const expected = [...job.artifacts.keep, ...(cell.artifacts?.keep ?? [])];
  const read = inputs.filter(({ name }) => cell.inputs?.includes(name) ?? true);
  const data = inputsSha256(read);
  return {
    name: cell.name,
    command: [job.command, ...cell.args.map(quoteWord)].join(" "),
    keep: [...new Set([...ALWAYS_KEPT, ...expected])],
    scratch: [...new Set([...job.artifacts.scratch, ...(cell.artifacts?.scratch ?? [])])],
    expected: [...new Set(expected)],
    configSha256: sha256Hex(canonicalJson({ command: job.command, args: cell.args, env: job.env })),
    codeSha256: sha256Hex(canonicalJson({ code: codeSha256, setup: { lock: job.setup.lock, script: job.setup.script } })),
    inputs: read.map(({ name }) => name),
    inputsSha256: data,
  };
}

function lockOf({ setup }: JobRequest, { lock = null }: ResolveOptions): PlanLock | null {
  // Reading the file is the caller's, who knows where the code is.
  if (setup.lock !== null && lock?.path !== setup.lock) throw new Error(`the lock file ${setup.lock} was not read`);
  return setup.lock === null ? null : lock;
}

function resourcesOf({ resources }: JobRequest): PlanResources {
  const gpu = resources.gpu === "none" ? null : { names: [...resources.gpu.names], count: resources.gpu.count, memoryGiB: resources.gpu.memoryGiB };
  return { gpu, cpus: resources.cpus, memoryGiB: resources.memoryGiB, diskGiB: resources.diskGiB };
}

function checkpointOf({ checkpoint }: JobRequest, profile: Profile): PlanCheckpoint {
  const { costSeconds } = checkpoint;
  const meanHours = checkpoint.meanHoursBetweenInterruptions ?? valueOr(profile.interruption.meanHoursBetween, UNKNOWN_MEAN_HOURS);
  const mean = meanHours * 3600;
  const stated = checkpoint.everySeconds;
  const cadence = stated === null ? youngDaly(costSeconds, mean) : { everySeconds: stated, expectedWaste: wasteOf(stated, costSeconds, mean) };
  const everySteps = checkpoint.stepSeconds === null ? null : stepsBetweenCheckpoints(cadence.everySeconds, checkpoint.stepSeconds);
  return { ...cadence, everySteps, costSeconds, meanSecondsBetweenInterruptions: mean, source: stated === null ? "young-daly" : "override" };
}

const homeOf = (profile: Profile): string => valueOr(profile.host.home, "~");

function hostOf({ host, detach }: Profile, settings: PlatformSettings): PlanHost {
  return {
    user: settings.user ?? valueOr(host.user, "root"),
    sshPort: settings.sshPort ?? valueOr(host.sshPort, 22),
    python: valueOr(host.interpreter, "python3"),
    addressSurvivesRelaunch: valueOr(host.address, { survivesRelaunch: false }).survivesRelaunch,
    detach: detach.primitive,
    proxyHook: valueOr(host.proxyHook, null),
    cacheEnvironment: cacheEnvironmentOf(host.caches),
    tensorboardDirectory: valueOr(host.tensorboard, { directory: null }).directory,
    openPorts: [...valueOr(host.openPorts, [])],
  };
}

function storageOf(run: RunRef, config: StackConfig, blockRegion: string | null): PlanStorage {
  const { storage } = config;
  switch (storage.mode) {
    case "create":
      return { mode: "create", name: storage.name ?? storageNameFor(run), region: storage.region ?? blockRegion ?? commonRegion(config) };
    case "existing":
      return { mode: "existing", name: storage.name, region: blockRegion };
    case "adopt":
      return { mode: "adopt", name: storage.id, region: blockRegion };
  }
}

/** The same shape as every other name of a run: letters first, unique per run, short enough for the strictest vendor. */
const storageNameFor = (run: RunRef): string => `holdfast-${run.name.slice(0, 20)}-${sha256Hex(`${run.project}/${run.stack}/${run.name}`).slice(0, 6)}`;

/** The one region that every candidate names, or null. */
function commonRegion({ capacity }: StackConfig): string | null {
  const regions = new Set(capacity.candidates.map((candidate) => candidate.region));
  const [only] = regions;
  return regions.size === 1 && only !== undefined ? only : null;
}
