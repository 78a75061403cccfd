/** Folders that a container sees under another name: what `--bind SOURCE:TARGET` makes of a path. Pure. */
import type { Readings } from "./expand";

interface Bind {
  readonly source: string;
  readonly target: string;
}

const OPTION = /^(-B|-v|--bind|--volume|--mount|--container-mounts|--tmpfs)(?:=(.+))?$/s;

/** The path outside of the container that a program in it means, by the words that start it. */
export function outsideOfContainer(path: string, words: readonly Readings[]): string {
  const above = bindsOf(words)
    .filter(({ target }) => path === target || path.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length)[0];
  return above === undefined ? path : `${above.source}${path.slice(above.target.length)}`;
}

function bindsOf(words: readonly Readings[]): Bind[] {
  return words.flatMap(([word = ""], index): Bind[] => {
    const [, option, glued] = OPTION.exec(word) ?? [];
    const value = glued ?? words[index + 1]?.[0];
    if (option === undefined || value === undefined) return [];
    if (option === "--tmpfs") return [{ source: "/dev/shm", target: trimmed(value.split(":")[0] ?? "") }];
    if (/\b(source|src)=/.test(value)) return [{ source: partOf(value, "source|src"), target: partOf(value, "target|destination|dst") }];
    return value.split(",").flatMap((pair) => {
      const [source = "", target] = pair.replaceAll(/\$\{(\w+)\}/g, "$\0$1\0").split(":").map((side) => side.replaceAll(/\$\0(\w+)\0/g, "${$1}"));
      return target === undefined || !target.startsWith("/") ? [] : [{ source: trimmed(source), target: trimmed(target) }];
    });
  });
}

const partOf = (value: string, names: string): string => trimmed(new RegExp(`\\b(?:${names})=([^,]+)`).exec(value)?.[1] ?? "");
const trimmed = (path: string): string => path.replace(/(.)\/+$/, "$1");
