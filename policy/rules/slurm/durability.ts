/** Checkpoints of batch jobs: off the node, or copied off it before the job is killed, and at a place that somebody named. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import { looksLikeTraining } from "../../checkpointNames";
import { resourceRule, type Check, type Finding } from "../../rule";
import { copiesIn, type Copy } from "../../shell/copies";
import { folderOf, isInterpreted, isProgram, lineOf, placesOf, type PlaceOfProgram } from "../../shell/places";
import type { Started } from "../../shell/run";
import { isNodeLocal, isWithin, type SiteConfig } from "../../slurm/nodeLocal";
import { asksForGpu, commentedPlaces, diesOfItsWarning, programsOf, type BatchScript } from "../../slurm/script";
import { judgeScripts, type Submitted } from "../../slurm/subjects";
import { planSubject } from "../../subjects";

const siteConfig = {
  nodeLocal: { type: "array", items: { type: "string" }, default: [], description: "Further folders that lie on the node alone: /raid." },
  shared: { type: "array", items: { type: "string" }, default: [], description: "Folders that are shared at this site, although their names say otherwise: /local/projects." },
} as const;

const site: SiteConfig = { nodeLocal: [], shared: [] };

export const slurmCheckpointsOffNode = resourceRule<SiteConfig>(
  {
    name: "slurm-checkpoints-off-node",
    description: "Checkpoints of a batch job go to the shared file system, not to its node.",
    gotchas: ["SLURM5"],
    level: "mandatory",
    defaults: site,
    config: siteConfig,
  },
  (resource, config) => [...judgeScripts(resource, (submitted) => nodeLocal(submitted, config)), ...planChecks(resource, config)],
);

/** Advisory: a copy at the end is made by every job that ends by itself. */
export const slurmCopyOutrunsTheKill = resourceRule<SiteConfig>(
  {
    name: "slurm-copy-outruns-the-kill",
    description: "Checkpoints that a batch job writes on its node are copied off it before the job is killed, not only after it is done.",
    gotchas: ["SLURM2", "SLURM5"],
    level: "advisory",
    defaults: site,
    config: siteConfig,
  },
  (resource, config) => judgeScripts(resource, (submitted) => copiedTooLate(submitted, config)),
);

/** Advisory, unlike on Kubernetes: a job that says nothing mostly writes to the folder it was submitted from, which stays. */
export const slurmJobSaysWhereItCheckpoints = resourceRule(
  {
    name: "slurm-job-says-where-it-checkpoints",
    description: "A batch job that trains says where its checkpoints go, or that it leaves none.",
    gotchas: ["SLURM5"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => judgeScripts(resource, unsaid),
);

const COMMENT = "# holdfast/checkpoint-dir:";

/** A place on the node, with the paths that are. */
interface LocalPlace extends PlaceOfProgram {
  readonly local: readonly string[];
}

/** A comment that names a place speaks for the script; one that says `none` does not unsay what a command says. */
function placesIn(script: BatchScript, started: readonly Started[]): PlaceOfProgram[] {
  const commented = commentedPlaces(script.text);
  return commented === null || commented.length === 0 ? placesOf(started) : [{ name: COMMENT, says: "checkpoint", paths: commented, index: 0 }];
}

const localPlaces = (places: readonly PlaceOfProgram[], config: SiteConfig): LocalPlace[] =>
  places.flatMap((place) => {
    const local = place.paths.filter((path) => isNodeLocal(path, config));
    return local.length === 0 ? [] : [{ ...place, local }];
  });

/** Copies that take everything at a place off the node; those before its program are what it reads. */
const copiesOf = ({ local, index }: LocalPlace, copies: readonly Copy[], config: SiteConfig): Copy[] =>
  copies.filter((copy) => (copy.when !== "once" || copy.index > index) && !copy.to.some((path) => isNodeLocal(path, config)) && local.every((path) => copy.from.some((from) => from === "" || isWithin(path, from) || (isWithin(from, path) && !REPORT.test(from)))));

/** A file of results is no checkpoint. */
const REPORT = /\.(csv|tsv|jsonl?|txt|log|out|err|png|pdf|html|ya?ml)$/i;

function* nodeLocal({ where, script }: Submitted, config: SiteConfig): Iterable<Finding> {
  const started = programsOf(script);
  const copies = copiesIn(started);
  const places = placesIn(script, started);
  for (const place of localPlaces(places, config)) {
    if (copiesOf(place, copies, config).length === 0) yield onTheNode(where, place);
  }
  if (commentedPlaces(script.text) !== null) return;
  for (const [index, program] of started.entries()) {
    if (places.some((place) => place.index === index || place.says === "checkpoint") || !isProgram(program) || !(looksLikeTraining(lineOf(program)) || (isInterpreted(program) && asksForGpu(script)))) continue;
    const [place] = localPlaces([{ name: "cd", says: "bare", paths: folderOf(program), index }], config);
    if (place !== undefined && copiesOf(place, copies, config).length === 0) yield worksOnTheNode(where, place);
  }
}

const WHY = "node-local space is wiped when the job ends, and a requeued job starts on another node with an empty folder";

const onTheNode = (where: string, { name, paths, local }: LocalPlace): Finding => ({
  where,
  what: `${name} ${local.length === paths.length ? "is" : "can be"} ${shown(local)}, on the node`,
  why: WHY,
  gotchas: ["SLURM5"],
  instead: `${name}${name === COMMENT ? " " : "="}/scratch/$USER/RUN on the shared file system; only what can be made again goes to $TMPDIR`,
});

const worksOnTheNode = (where: string, { local }: LocalPlace): Finding => ({
  where: `${where} (cd)`,
  what: `the training runs in ${shown(local)}, on the node, and nothing says where its checkpoints go`,
  why: `a relative path is there, and ${WHY}`,
  gotchas: ["SLURM5"],
  instead: "--checkpoint-dir=/scratch/$USER/RUN on the shared file system",
});

function* copiedTooLate({ where, script }: Submitted, config: SiteConfig): Iterable<Finding> {
  const started = programsOf(script);
  const copies = copiesIn(started);
  for (const place of localPlaces(placesIn(script, started), config)) {
    const made = copiesOf(place, copies, config);
    if (made.length === 0 || made.some(({ when }) => when !== "once") || endsBeforeItsLimit(script, started[place.index])) continue;
    yield {
      where,
      what: `${shown(place.local)} is copied off the node only after the program has ended`,
      why: "a job that reaches its time limit, is preempted or cancelled is killed with its script, and everything since its start goes with the node",
      gotchas: ["SLURM2", "SLURM5"],
      instead: `trap 'rsync -a ${shown(place.local)}/ /scratch/$USER/RUN/' EXIT TERM USR1 with #SBATCH --signal=B:USR1@360 and the program in the background (& wait), or ${place.name === "cd" ? "--checkpoint-dir" : place.name} on the shared file system`,
    };
  }
}

/** The step is warned and ends, or is ended, while its script goes on. */
const endsBeforeItsLimit = (script: BatchScript, program: Started | undefined): boolean => ((script.options.get("signal") ?? "") !== "" && !diesOfItsWarning(script)) || (program !== undefined && /(^|\s)timeout\s/.test(lineOf(program)));

function* unsaid({ where, script, planned }: Submitted): Iterable<Finding> {
  if (planned || commentedPlaces(script.text) !== null) return;
  const started = programsOf(script);
  const working = started.filter((program) => isProgram(program) && !/(^|\/)(sbatch|ssh|bash|sh)$/.test(program.words[0]?.[0] ?? ""));
  if (working.length === 0 || !(asksForGpu(script) || working.some((program) => looksLikeTraining(lineOf(program)))) || placesOf(started).length > 0) return;
  yield {
    where,
    what: "nothing says where its checkpoints go",
    why: "the program's own default decides: a folder that is purged, a home that is full, or the node, which is wiped",
    gotchas: ["SLURM5"],
    instead: `--checkpoint-dir=/scratch/$USER/RUN, or export CHECKPOINT_DIR=/scratch/$USER/RUN; where its configuration says it the comment ${COMMENT} PLACE, and ${COMMENT} none for work that leaves nothing behind`,
  };
}

/** A plan's own commands and variables are run by a batch job too, without a line of sbatch in them. */
function planChecks(resource: ResourceValidationArgs, config: SiteConfig): Check[] {
  const subject = planSubject(resource);
  if (subject.state !== "plan" || subject.plan.platform !== "slurm") return [];
  const { plan } = subject;
  const scripts: { where: string; text: string; variables: BatchScript["variables"] }[] = [
    ...Object.keys(plan.environment).map((name) => ({ where: `job.env.${name}`, text: "train", variables: { [name]: [plan.environment[name] ?? ""] } })),
    ...plan.cells.map((cell, index) => ({ where: `job.command or job.roster[${index}].args`, text: cell.command, variables: {} })),
  ];
  const { mountFrom } = plan.durable;
  const place: Check = () => (isNodeLocal(mountFrom, config) ? [onTheNode("slurm.durablePath", { name: "durablePath", says: "checkpoint", paths: [mountFrom], index: 0, local: [mountFrom] })] : []);
  return [place, ...scripts.map(({ where, text, variables }): Check => () => nodeLocal({ where, script: { text, variables, options: new Map() }, planned: true }, config))];
}

/** As somebody would type it; only what looks like a path is repeated: a value may be more than it seems. */
function shown([path = ""]: readonly string[]): string {
  const typed = path.replaceAll(/\$\{(\w+)\}(?!\w)/g, "$$$1");
  return /^[\w./${}()~-]{1,120}$/.test(typed) ? typed : "a place";
}
