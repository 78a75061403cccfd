/** What interrupts a run must not make it start over: nothing in the job may throw its own checkpoints away. */
import type { JudgedPlan } from "../../profiles/judgedPlan";
import { isLiteralPerAttempt, programsStartedBy, statedPlaces } from "../kubernetes/checkpointPlace";
import { locate } from "../kubernetes/volumes";
import { attemptWords, workloadsOf, type Placed, type Workload } from "../kubernetes/workload";
import type { Profile } from "../platforms";
import { resourceRule, type Check, type Finding, type Peek } from "../rule";
import { erasedBy } from "../shell/erasures";
import { isProgram, placesOf } from "../shell/places";
import { isWithin } from "../slurm/nodeLocal";
import { programsOf } from "../slurm/script";
import { judgeScripts, type Submitted } from "../slurm/subjects";
import { planChecks } from "../subjects";

interface ResumeConfig {
  readonly allow: readonly string[];
}

export const workResumes = resourceRule<ResumeConfig>(
  {
    name: "work-resumes-after-interruption",
    description: "A job that is started again continues from its checkpoints instead of erasing or missing them.",
    gotchas: ["LAM9", "PS2", "GEN6", "NB5", "SLURM1", "K8S5"],
    level: "mandatory",
    defaults: { allow: [] },
    config: { allow: { type: "array", items: { type: "string" }, default: [], description: "Flags that start over and are meant to: --from-scratch." } },
  },
  (resource, config) => [
    ...planChecks(resource, (plan, profile) => [() => startOver(plan, profile, config)]),
    ...workloadsOf(resource)
      .filter((workload) => workload.retried)
      .map((workload): Check => (peek) => startOverInPods(workload, peek, config)),
    ...judgeScripts(resource, (submitted) => startOverInBatch(submitted, config)),
  ],
);

const STARTS_OVER: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w-])--(overwrite[-_]output[-_]dir|no[-_]resume|from[-_]scratch|restart[-_]training|reset[-_](checkpoints?|training))(?![\w-])(?!(=|\s+)(false|no|0)\b)/i, "starts over and writes over what is there"],
  [/(?<![\w-])--?(auto[-_])?resume(=|\s+)(false|no|never|none|0)\b/i, "starts over although checkpoints are there"],
  [/\brm\s+(-\S*\s+)*-?\S*\s*["']?\$\{?(HOLDFAST_)?(CHECKPOINTS?|CKPTS?|OUTPUT)_?(DIR|PATH)\}?/i, "deletes the checkpoints before the program starts"],
];

/** The offending words, without their surroundings: a command line may hold more than is fit to print. */
function reasonToStartOver(text: string, { allow }: ResumeConfig): { readonly word: string; readonly effect: string } | null {
  for (const [pattern, effect] of STARTS_OVER) {
    const [match] = pattern.exec(text) ?? [];
    const word = match?.split(/[=\s]/)[0] ?? null;
    if (word !== null && !allow.includes(word)) return { word, effect };
  }
  return null;
}

function* startOver(plan: JudgedPlan, profile: Profile, config: ResumeConfig): Iterable<Finding> {
  const lines = [{ where: "job.setup", text: plan.setup ?? "" }, ...plan.cells.map((cell, index) => ({ where: `job.command or job.roster[${index}].args`, text: cell.command }))];
  for (const { where, text } of lines) {
    const reason = reasonToStartOver(text, config);
    if (reason !== null) yield finding(where, reason, `${profile.title}: ${profile.interruption.model.replace(/\.$/, "")}`, profile.interruption.gotchas);
  }
}

/** Told by what the words mean at that point: a folder has many names. */
function* startOverInBatch({ where, script, planned }: Submitted, config: ResumeConfig): Iterable<Finding> {
  if (planned) return;
  const started = programsOf(script);
  const places = placesOf(started);
  for (const [index, program] of started.entries()) {
    const reason = reasonToStartOver(program.words.flat().join(" "), config);
    const erased = program.trap === null ? erasedBy(program).filter((path) => places.some((place) => place.index > index && place.paths.some((kept) => takesAway(path, kept)))) : [];
    if (reason !== null || erased.length > 0) yield finding(where, reason ?? erasing(program.words[0]?.[0]), "a requeued job starts its script from the beginning, after a preemption, a failed node and the end of its time", ["SLURM1"]);
  }
}

/** A place, and what is called a checkpoint in it. */
const takesAway = (erased: string, kept: string): boolean => isWithin(kept, erased) || (isWithin(erased, kept) && /ckpt|checkpoint|last|latest|best|epoch|step|iter|model|weight|state/i.test(erased.slice(kept.length)));

const erasing = (program = "rm") => ({ word: program, effect: "deletes the checkpoints before the program starts" });

function* startOverInPods(workload: Workload, peek: Peek, config: ResumeConfig): Iterable<Finding> {
  const why = "Kubernetes starts the same command again in a new pod after every eviction, drain and node failure";
  for (const placed of workload.everyContainer()) {
    const { where, container } = placed;
    const text = peek(() => attemptWords(container).join(" ")) ?? "";
    const reason = reasonToStartOver(text, config) ?? eraserOf(placed, workload, peek);
    if (reason !== null) yield finding(`${where}.${container.args === undefined ? "command" : "args"}`, reason, why, ["K8S5"]);
  }
  if (!workload.runsToEnd) return;
  for (const place of statedPlaces(workload, peek)) {
    if (place.path === null || !isLiteralPerAttempt(place.path, place.variables)) continue;
    yield {
      where: place.where,
      what: "the place is another one for every attempt",
      why: `${why}, and it would look for its checkpoints where none are`,
      gotchas: ["K8S5"],
      instead: "a path that is the same for every attempt: the run's name, and $(JOB_COMPLETION_INDEX) in an indexed Job",
    };
  }
}

/** The program of a container that empties the place of the checkpoints and has another one run after it; null for none. */
function eraserOf({ where, container }: Placed, workload: Workload, peek: Peek): ReturnType<typeof erasing> | null {
  const started = programsStartedBy(container, peek);
  const last = where.includes(".initContainers[") ? Infinity : started.findLastIndex((program) => program.trap === null && isProgram(program));
  const erasers = started.map((program, index) => ({ program, erased: program.trap === null && index < last ? erasedBy(program).flatMap((path) => locate(path, container, workload, peek) ?? []) : [] })).filter(({ erased }) => erased.length > 0);
  if (erasers.length === 0) return null;
  const kept = statedPlaces(workload, peek).flatMap((place) => (place.path === null ? [] : (locate(place.path, place.container, workload, peek) ?? [])));
  const eraser = erasers.find(({ erased }) => erased.some((path) => kept.some((place) => takesAway(path, place))));
  return eraser === undefined ? null : erasing(eraser.program.words[0]?.[0]);
}

const finding = (where: string, { word, effect }: { readonly word: string; readonly effect: string }, why: string, gotchas: readonly string[]): Finding => ({
  where,
  what: `${word} ${effect}`,
  why,
  gotchas,
  instead: "load the newest complete checkpoint at every start, without a flag; to begin anew give the run another name",
});
