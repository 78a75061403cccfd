/**
 * Where a raw workload says its checkpoints go: by annotation, else by a variable or flag that names checkpoints, else by
 * one that names an output. The first of these three that says anything is taken.
 */
import type { Peek } from "../rule";
import { splitWords, type NamedWord } from "../secretLooks";
import type { Container, EnvVar } from "./manifest";
import { annotationOf, attemptWords, type Workload } from "./workload";

/**
 * On the object or its pod template: absolute paths or URLs, separated by commas, or `none` for work that leaves nothing
 * behind. A prefix must be a DNS name and need not be a registered one, so this claims nobody's domain.
 */
export const PLACE_ANNOTATION = "holdfast/checkpoint-dir";

export interface Place {
  /** Property path of what says it. */
  readonly where: string;
  /** As it will be read in the container, variables of the manifest filled in; null when it is not known yet. */
  readonly path: string | null;
  /** Names checkpoints, not just some output. */
  readonly explicit: boolean;
  /** Where the variables that are left in `path` come from, by name. */
  readonly variables: ReadonlyMap<string, EnvVar>;
  /** null: an annotation, which holds for every container. */
  readonly container: Container | null;
}

const KEEPS = "(dir|directory|path|folder|root|uri|url)";
const CHECKPOINT_NAME = new RegExp(`(^|[._-])(checkpoint|ckpt)s?([._-]?(save|out|output))?[._-]?${KEEPS}$`, "i");
const OUTPUT_NAME = new RegExp(`(^|[._-])((output|out|save|saves|result|results|work|exp|experiment|run|default[._-]root)[._-]?${KEEPS}|hydra\\.run\\.dir)$`, "i");

/** Every statement of the strongest kind that there is; `none` gives no place and still counts as said. */
export function statedPlaces(workload: Workload, peek: Peek): Place[] {
  const annotation = peek(() => annotationOf(workload, PLACE_ANNOTATION));
  if (typeof annotation === "string") return fromAnnotation(annotation);
  const places = workload.containers().flatMap(({ where, container }) => [...fromEnvironment(where, container, peek), ...fromWords(where, container, peek)]);
  const explicit = places.filter((place) => place.explicit);
  return explicit.length > 0 ? explicit : places;
}

/** Whether anything was said at all. What is not known yet may say it. */
export function saysWhere(workload: Workload, peek: Peek): boolean {
  let unknown = false;
  const noting: Peek = (read) => {
    const value = peek(read);
    if (value === undefined) unknown = unknown || throws(read);
    return value;
  };
  const annotation = noting(() => annotationOf(workload, PLACE_ANNOTATION));
  return annotation != null || statedPlaces(workload, noting).length > 0 || unknown;
}

function throws(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch {
    return true;
  }
}

const fromAnnotation = (text: string): Place[] =>
  text
    .split(/[,\s]+/)
    .filter((path) => path !== "" && path !== "none")
    .map((path) => ({ where: `metadata.annotations["${PLACE_ANNOTATION}"]`, path, explicit: true, variables: new Map(), container: null }));

function fromEnvironment(where: string, container: Container, peek: Peek): Place[] {
  return (container.env ?? []).flatMap((variable, index) => {
    const name = peek(() => variable.name) ?? "";
    const explicit = CHECKPOINT_NAME.test(name) || /^HOLDFAST_(CHECKPOINT|OUTPUT)_DIR$/.test(name);
    if (!explicit && !OUTPUT_NAME.test(name)) return [];
    return [{ where: `${where}.env[${index}] (${name})`, ...filledIn(peek(() => variable.value ?? `$(${name})`) ?? null, container, peek), explicit, container }];
  });
}

function fromWords(where: string, container: Container, peek: Peek): Place[] {
  const words = (peek(() => attemptWords(container)) ?? []).flatMap((text): (string | NamedWord)[] => (/\s/.test(text) ? splitWords(text) : [text]));
  const flags = words.flatMap((word, index): { name: string; value: string }[] => {
    if (typeof word !== "string") return word.name === null ? [] : [{ name: word.name, value: word.value }];
    const [, name, value] = /^([\w.-]+)=(.+)$/s.exec(word) ?? [];
    if (name !== undefined && value !== undefined) return [{ name, value }];
    const next = words[index + 1];
    return /^--?[A-Za-z]/.test(word) && typeof next === "string" && !next.startsWith("--") ? [{ name: word, value: next }] : [];
  });
  const says = `${where}.${(container.args ?? []).length > 0 ? "args" : "command"}`;
  return flags.flatMap(({ name, value }) => {
    const bare = name.replace(/^-+/, "");
    const explicit = CHECKPOINT_NAME.test(bare);
    if (!explicit && !OUTPUT_NAME.test(bare)) return [];
    return [{ where: `${says} (${name})`, ...filledIn(value, container, peek), explicit, container }];
  });
}

/** Variables of the manifest are filled in, also where the shell would do it; others stay. */
function filledIn(value: string | null, container: Container, peek: Peek): Pick<Place, "path" | "variables"> {
  const variables = new Map<string, EnvVar>();
  for (const variable of container.env ?? []) variables.set(peek(() => variable.name) ?? "", variable);
  let path = value;
  for (let depth = 0; path !== null && depth < 4; depth++) {
    path = path.replace(/\$(?:\((\w+)\)|\{(\w+)(?::?[-=][^}]*)?\}|(\w+))/g, (whole: string, kubernetes?: string, braces?: string, bare?: string) => {
      const known = variables.get(kubernetes ?? braces ?? bare ?? "");
      return known === undefined ? whole : (peek(() => known.value) ?? whole);
    });
  }
  return { path, variables };
}

/** What differs from one pod of a Job to the next: its name or uid, the time, a random number, a temporary folder. */
export function isLiteralPerAttempt(path: string, variables: ReadonlyMap<string, EnvVar>): boolean {
  if (/\$\((date|mktemp|uuidgen)\b|\$\{?RANDOM\b|`(date|mktemp|uuidgen)\b/.test(path)) return true;
  return [...path.matchAll(/\$[({]?(\w+)/g)].some(([, name = ""]) => {
    const field = variables.get(name)?.valueFrom?.fieldRef?.fieldPath;
    return field === "metadata.name" || field === "metadata.uid" || (name === "HOSTNAME" && !variables.has(name));
  });
}
