/** What the programs of a script delete. Pure. */
import type { Readings } from "./expand";
import { under } from "./paths";
import type { Started } from "./run";

/** Folders and files that it takes for good; a pattern for names counts as the folder it is in. */
export function erasedBy(program: Started): string[] {
  const places = operandsOf(program).flat().filter((reading) => reading !== "" && !ANEW.test(reading));
  return places.flatMap((reading) => program.folder.map((from) => under(from, reading).replace(/\/[^/$]*[*?[][^/]*$/, "")));
}

/** What a program makes again or leaves behind for nobody: `rm -f run/*.tmp`, `rm -rf run/cache`. */
const ANEW = /(^|[/._*-])(tmp|temp|cache|lock|logs?|wandb|tb|tensorboard|pid|sock|__pycache__)s?([*]|$)/i;

const nameOf = (word: string): string => word.replace(/^.*\//, "");

function operandsOf({ words }: Started): readonly Readings[] {
  const operands = words.slice(1).filter(([word = ""]) => !word.startsWith("-"));
  switch (nameOf(words[0]?.[0] ?? "")) {
    case "rm":
      return words.some(([word = ""]) => /^-[a-zA-Z]*[rR]|^--recursive$/.test(word)) ? operands : operands.filter((readings) => readings.some((reading) => /[*?[][^/]*$/.test(reading)));
    case "find":
      return deletesWhatItFinds(words) ? operands.slice(0, 1) : [];
    default:
      return [];
  }
}

/** Without a test of age or name: what is old, or named, is chosen. */
const deletesWhatItFinds = (words: readonly Readings[]): boolean =>
  words.some(([word = ""], index) => word === "-delete" || (word === "-exec" && nameOf(words[index + 1]?.[0] ?? "") === "rm")) && !words.some(([word = ""]) => /^-(name|iname|path|[acm](time|min)|newer|size|empty|regex)$/.test(word));
