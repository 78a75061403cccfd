/** What a script copies from one place to another, and when: once, when it is told to end, or again and again. Pure. */
import type { Readings } from "./expand";
import { under } from "./paths";
import type { Started } from "./run";

export interface Copy {
  /** Folders and files; "" stands for whatever another program names. */
  readonly from: Readings;
  readonly to: Readings;
  readonly when: "trap" | "repeatedly" | "once";
  /** Of the copying program in what was started. */
  readonly index: number;
}

export const copiesIn = (started: readonly Started[]): Copy[] =>
  started.flatMap((program, index): Copy[] => {
    const found = copyOf(program);
    return found === null ? [] : [{ ...found, when: program.trap !== null ? "trap" : program.repeatedly || program.words[0]?.[0] === "watch" ? "repeatedly" : "once", index }];
  });

const PROGRAMS = /^(cp|mv|rsync|scp|rclone|gsutil|azcopy|aws|s5cmd|s3cmd|gcloud|mc|dcp|fpsync|msrsync|install|parallel|xargs|find|tar|zip|7z)$/;
const SUBCOMMAND = /^(s3|storage|a|cp|copy|copyto|mv|move|sync|mirror|put|rsync|\+|;|\{\})$/;
const TAKES_VALUE = /^(-[eiopPF]|--(exclude|include|filter|rsh|profile|endpoint-url|region|acl|storage-class|bwlimit|transfers|chmod|exclude-from|include-from|name))$/;

/** A launcher in front of it, such as srun, does not change what is copied. */
function copyOf({ words, folder, targets }: Started): Pick<Copy, "from" | "to"> | null {
  const at = words.findIndex(([word = ""]) => PROGRAMS.test(nameOf(word)));
  if (at === -1) return null;
  const name = nameOf(words[at]?.[0] ?? "");
  const given = words.slice(at + 1);
  const operands = given.filter(([word = ""], index) => word !== "" && !word.startsWith("-") && !SUBCOMMAND.test(word) && !TAKES_VALUE.test(given[index - 1]?.[0] ?? ""));
  const target = targetOf(name, given, operands) ?? targets[0];
  if (target === undefined) return null;
  const placed = (readings: Readings): Readings => readings.flatMap((reading) => folder.map((from) => withoutPattern(under(from, reading))));
  const from = operands.filter((operand) => operand !== target).flatMap(placed);
  return { from: name === "xargs" || name === "parallel" ? ["", ...from] : from, to: placed(target) };
}

function targetOf(name: string, given: readonly Readings[], operands: readonly Readings[]): Readings | undefined {
  const after = (option: RegExp): Readings | undefined => given[given.findIndex(([word = ""]) => option.test(word)) + 1];
  const glued = (option: string): Readings | undefined => given.find(([word = ""]) => word.startsWith(`--${option}=`))?.map((reading) => reading.slice(option.length + 3));
  switch (name) {
    case "tar": {
      const [[mode = ""] = []] = given;
      if (/^-?[a-zA-Z]*x/.test(mode) || given.some(([word]) => word === "--extract")) return undefined;
      return glued("file") ?? (given.some(([word = ""]) => /^-?[a-zA-Z]*f$/.test(word)) ? after(/^-?[a-zA-Z]*f$/) : undefined);
    }
    case "zip":
    case "7z":
      return operands[0];
    default:
      return glued("target-directory") ?? (given.some(([word]) => word === "-t") && name !== "rsync" ? after(/^-t$/) : operands.at(-1));
  }
}

const nameOf = (word: string): string => word.replace(/^.*\//, "");

/** The folder above what a pattern for file names stands for. */
const withoutPattern = (path: string): string => path.replace(/\/[^/$]*[*?[][^/]*$/, "").replace(/(.)\/+$/, "$1");
