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
const QUIET = new Set(
  "echo printf cat tee mkdir rmdir rm ls cp mv rsync scp tar zip unzip gzip zstd find touch chmod chown ln test [ sleep wait kill date hostname env-modules module ml source . conda mamba micromamba pip uv apt-get curl wget git git-lfs aws gsutil gcloud azcopy rclone s3cmd huggingface-cli hf wandb nvidia-smi scontrol squeue sacct scancel df du ulimit sed awk grep sort head tail basename dirname true false : mktemp realpath xargs parallel stat sync logger flock".split(" "),
);

const nameOf = ({ words }: Started): string => (words[0]?.[0] ?? "").replace(/^.*\//, "");

/** Whether it is a program at all, and not a step of the shell's housekeeping. */
export const isProgram = (started: Started): boolean => {
  const name = nameOf(started);
  return name !== "" && !QUIET.has(name);
};

export const lineOf = ({ words }: Started): string => words.map(([word = ""]) => word).join(" ");

/**
 * Every statement of every program, each once. An output of a program that does not train is left out where another one
 * does: it prepares what that one reads.
 */
export function placesOf(started: readonly Started[]): PlaceOfProgram[] {
  const trains = started.map((program) => isProgram(program) && looksLikeTraining(lineOf(program)));
  const someTrain = trains.includes(true);
  const places = started.flatMap((program, index) => (isProgram(program) || program.documents.length > 0 ? ofProgram(program, index) : []));
  const judged = places.filter(({ says, index }) => says === "checkpoint" || trains[index] === true || !someTrain || (started[index]?.documents.length ?? 0) > 0);
  return judged.filter((place, index) => judged.findIndex((other) => other.name === place.name && other.paths.join() === place.paths.join()) === index);
}

function ofProgram(program: Started, index: number): PlaceOfProgram[] {
  const { words, values, exported, documents } = program;
  const variables = [...values.scalars].map(([name, readings]): NamedReadings => ({ name, readings })).filter(({ name, readings }) => exported.has(name) || exported.has("*") || saysPlace(name, readings[0] ?? "") === "checkpoint");
  const given = isProgram(program) ? [...variables, ...namedValues(words)] : [];
  const inline = words.flatMap((readings, at): Readings => (words[at - 1]?.[0] === "-c" ? readings : []));
  return [...given, ...[...documents, ...inline].flatMap(valuesInDocument)].flatMap(({ name, readings }): PlaceOfProgram[] => {
    const says = saysPlace(name, readings[0] ?? "");
    const paths = readings.filter((reading) => reading !== "").flatMap((reading) => program.folder.map((folder) => outsideOfContainer(under(folder, reading), words)));
    return says === null || paths.length === 0 ? [] : [{ name, says, paths: [...new Set(paths)], index }];
  });
}
