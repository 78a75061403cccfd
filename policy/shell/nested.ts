/** Shell within shell: here-documents and words that another shell will run. Pure. */
import type { Readings } from "./expand";

const SHELL = /(^|\/)(ba|da|z|k|a)?sh$/;

/** By its first line, its directives, or the program that reads it. */
export const isShell = (text: string, words: readonly Readings[]): boolean =>
  text.includes("#SBATCH") || /^#!.*\b(ba|da|z|k)?sh\b/.test(text) || words.some(([word = ""]) => SHELL.test(word) || /(^|\/)(sbatch|ssh)$/.test(word));

/** What is given to another shell: `bash -c TEXT`, `sbatch --wrap=TEXT`, `eval TEXT`, `ssh HOST TEXT`, and a script that is printed into a file. */
export function scriptsInWords(words: readonly Readings[]): string[] {
  const scripts = words.flatMap((readings, index): Readings => {
    const [word = ""] = readings;
    const before = words[index - 1]?.[0] ?? "";
    if (/^--wrap=/.test(word)) return readings.map((reading) => reading.replace(/^--wrap=/, ""));
    if (before === "--wrap") return readings;
    if (/^-[a-z]*c$/.test(before) && words.slice(0, index - 1).some(([program = ""]) => SHELL.test(program))) return readings;
    return readings.filter((reading) => /^\s*#SBATCH/m.test(reading));
  });
  const [[name = ""] = []] = words;
  if (name === "eval") scripts.push(words.slice(1).map(([word = ""]) => word).join(" "));
  if (/(^|\/)ssh$/.test(name)) scripts.push(...words.slice(2).flatMap((readings) => readings.filter((reading) => /\s/.test(reading))));
  return scripts;
}
