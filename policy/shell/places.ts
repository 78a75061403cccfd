/** Where the programs of a script are told to keep things. Pure. */
import { looksLikeTraining, namedValues, saysPlace, valuesInDocument, type NamedReadings, type Says } from "../checkpointNames";
import { outsideOfContainer } from "./binds";
import type { Readings } from "./expand";
import { under } from "./paths";
import type { Started } from "./run";

export interface PlaceOfProgram {
  /** The flag, variable or key, as it was typed. */
  readonly name: string;
  readonly says: Says;
  /** Absolute as far as that is known; URLs as they are. */
  readonly paths: Readings;
  /** Of the program in what was started. */
  readonly index: number;
}

/** Programs that train nothing: their names for places are their own business. */
const HOUSEKEEPING = new Set(
  "echo printf cat tee mkdir rmdir rm ls ln cp mv rsync scp tar zip unzip gzip zstd touch chmod chown test [ sleep wait kill date hostname module ml source . pip apt-get curl wget git git-lfs aws gsutil gcloud azcopy rclone s3cmd huggingface-cli hf wandb nvidia-smi scontrol squeue sacct scancel df du ulimit sed yq awk grep sort head tail basename dirname true false : mktemp realpath stat sync logger shopt set".split(" "),
);
/** Programs that start another one, or do something small by themselves. */
const STARTERS = new Set("conda mamba micromamba uv poetry pixi xargs parallel flock find make just command exec".split(" "));
const INTERPRETER = /^(python[\d.]*|torchrun|accelerate|deepspeed|horovodrun|mpirun|mpiexec|srun|Rscript|julia|java)$/;

const baseName = (word: string): string => word.replace(/^.*\//, "");
const nameOf = ({ words }: Started): string => baseName(words[0]?.[0] ?? "");

/** Whether it is a program at all, and not a step of the shell's housekeeping. */
export const isProgram = (started: Started): boolean => {
  const name = nameOf(started);
  return name !== "" && !HOUSEKEEPING.has(name) && (!STARTERS.has(name) || isInterpreted(started));
};

/** By a language in which people train. */
export const isInterpreted = ({ words }: Started): boolean => words.some(([word = ""]) => INTERPRETER.test(baseName(word))) && !words.some(([word = ""], index) => word === "-m" && /^(pip|venv|build)$/.test(words[index + 1]?.[0] ?? ""));

export const lineOf = ({ words }: Started): string => words.map(([word = ""]) => word).join(" ");

/** Where it works: a launcher may have been told another folder than the shell's. */
export function folderOf({ words, folder }: Started): Readings {
  const launched = /^(srun|env|sbatch)$/.test(baseName(words[0]?.[0] ?? ""));
  const at = launched ? words.findIndex(([word = ""]) => /^(-D|-C|--chdir(=.+)?)$/.test(word)) : -1;
  if (at === -1) return folder;
  const option = words[at] ?? [];
  const given = option.some((word) => word.includes("=")) ? option.map((word) => word.replace(/^--chdir=/, "")) : (words[at + 1] ?? []);
  return folder.flatMap((from) => given.map((path) => under(from, path)));
}

/**
 * Every statement of every program, each once. An output of a program that does not train is left out where another one
 * does: it prepares what that one reads.
 */
export function placesOf(started: readonly Started[]): PlaceOfProgram[] {
  const links = started.flatMap(linksOf);
  const trains = started.map((program) => isProgram(program) && looksLikeTraining(lineOf(program)));
  const someTrain = trains.includes(true);
  const places = started.flatMap((program, index) => ofProgram(program, index, links));
  const judged = places.filter(({ says, index }) => says === "checkpoint" || trains[index] === true || !someTrain || writtenBy(started[index]).length > 0);
  return judged.filter((place, index) => judged.findIndex((other) => other.name === place.name && other.paths.join() === place.paths.join()) === index);
}

function ofProgram(program: Started, index: number, links: readonly Link[]): PlaceOfProgram[] {
  const { words, values, exported } = program;
  const isNamed = (name: string, readings: Readings): boolean => exported.has(name) || exported.has("*") || saysPlace(name, readings[0] ?? "") === "checkpoint";
  const variables = [...values.scalars].map(([name, readings]): NamedReadings => ({ name, readings })).filter(({ name, readings }) => isNamed(name, readings));
  const inline = words.flatMap((readings, at): Readings => (words[at - 1]?.[0] === "-c" || readings[0]?.includes("{") === true ? readings : []));
  const given = isProgram(program) ? [...variables, ...namedValues(words), ...passedOn(words), ...inline.flatMap(valuesInDocument)] : [];
  const folder = folderOf(program);
  return [...given, ...writtenBy(program).flatMap(valuesInDocument)].flatMap(({ name, readings }): PlaceOfProgram[] => {
    const says = saysPlace(name, readings[0] ?? "");
    const paths = readings.filter((reading) => reading !== "").flatMap((reading) => folder.map((from) => followed(outsideOfContainer(under(from, reading), words), links)));
    return says === null || paths.length === 0 ? [] : [{ name, says, paths: [...new Set(paths)], index }];
  });
}

/** `--export=ALL,NAME=VALUE` of srun. */
const passedOn = (words: readonly Readings[]): NamedReadings[] =>
  words.flatMap((readings) => readings.filter((reading) => reading.startsWith("--export=")).flatMap((reading) => reading.split(",").flatMap((pair) => [...pair.matchAll(/(?:^|=)(\w+)=(.+)$/g)].map(([, name = "", value = ""]) => ({ name, readings: [value] })))));

/** Configuration that it writes: a here-document, what is printed into a file, and what is edited in one. */
function writtenBy(program: Started | undefined): readonly string[] {
  if (program === undefined) return [];
  const name = nameOf(program);
  const prints = (name === "echo" || name === "printf") && program.targets.length > 0;
  const edits = (name === "sed" || name === "yq") && program.words.some(([word = ""]) => /^(-[a-zA-Z]*i|--in-?place)/.test(word));
  return prints || edits ? [...program.documents, ...program.words.slice(1).flat()] : program.documents;
}

interface Link {
  readonly path: string;
  readonly target: string;
}

/** Symbolic links that the script makes: a name on the node may lead off it, and the other way round. */
function linksOf({ words, folder }: Started): Link[] {
  const operands = words.slice(1).filter(([word = ""]) => !word.startsWith("-"));
  const [target, path] = operands;
  if (baseName(words[0]?.[0] ?? "") !== "ln" || !words.some(([word = ""]) => /^-[a-zA-Z]*s|^--symbolic$/.test(word)) || operands.length > 2 || target === undefined) return [];
  const names = path ?? target.map((reading) => baseName(reading));
  return folder.flatMap((from) => names.flatMap((name) => target.map((to) => ({ path: under(from, name), target: under(from, to) }))));
}

function followed(path: string, links: readonly Link[]): string {
  const link = links.find((known) => path === known.path || path.startsWith(`${known.path}/`));
  return link === undefined ? path : `${link.target}${path.slice(link.path.length)}`;
}
