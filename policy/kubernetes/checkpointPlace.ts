/**
 * Where a raw workload says its checkpoints go: by annotation, else by a variable or flag that names checkpoints, else by
 * one that names an output. The first of these three that says anything is taken.
 */
import { namedValues, saysPlace, type Says } from "../checkpointNames";
import type { Peek } from "../rule";
import { noValues, readText, type Readings } from "../shell/expand";
import { placesOf } from "../shell/places";
import { under } from "../shell/paths";
import { followScript, type Started } from "../shell/run";
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
  readonly says: Says;
  /** Where the variables that are left in `path` come from, by name. */
  readonly variables: ReadonlyMap<string, EnvVar>;
  /** null: an annotation, which holds for every container. */
  readonly container: Container | null;
}

/**
 * Every statement of the strongest kind that there is. An annotation that says `none` takes back what may have been meant by
 * the name of an output, and nothing that names checkpoints.
 */
export function statedPlaces(workload: Workload, peek: Peek): Place[] {
  const annotation = peek(() => annotationOf(workload, PLACE_ANNOTATION));
  const annotated = typeof annotation === "string" ? fromAnnotation(annotation) : [];
  if (annotated.length > 0) return annotated;
  const places = workload.containers().flatMap(({ where, container }) => [...fromEnvironment(where, container, peek), ...fromWords(where, container, peek)]);
  const explicit = places.filter(({ says }) => says === "checkpoint");
  return explicit.length > 0 || typeof annotation === "string" ? explicit : places;
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
    .map((path) => ({ where: `metadata.annotations["${PLACE_ANNOTATION}"]`, path, says: "checkpoint", variables: new Map(), container: null }));

function fromEnvironment(where: string, container: Container, peek: Peek): Place[] {
  const environment = environmentOf(container, peek);
  return (container.env ?? []).flatMap((variable, index): Place[] => {
    const name: unknown = peek(() => variable.name);
    if (typeof name !== "string") return [];
    // In an exported state a secret is an object, and where it leads nobody can see.
    const value: unknown = peek(() => variable.value ?? `$(${name})`);
    const says = saysPlace(name, typeof value === "string" ? value : "");
    if (says === null) return [];
    const paths = typeof value === "string" ? filledIn(value, environment) : [null];
    return paths.map((path) => ({ where: `${where}.env[${index}] (${name})`, path, says, variables: environment.variables, container }));
  });
}

/** Words for a program as they are; what may be a line for a shell is followed as one as well. */
function fromWords(where: string, container: Container, peek: Peek): Place[] {
  const environment = environmentOf(container, peek);
  const words = (peek(() => attemptWords(container)) ?? []).map((word) => knownFilledIn(word, environment));
  const isScript = (word: string, index: number): boolean => word.includes("\n") || /^-[a-z]*c$/.test(words[index - 1] ?? "");
  const plain = namedValues(words.flatMap((word, index): Readings[] => (isScript(word, index) ? [] : word.split(/\s+/).map((piece) => [piece.replaceAll(/^["']|["']$/g, "")]))));
  const folder = peek(() => container.workingDir) ?? "";
  const followed = words.filter((word) => /\s/.test(word)).flatMap((word) => placesOf(followScript(word, { variables: environment.values, folder })));
  const stated = [...plain.map(({ name, readings }) => ({ name, paths: readings.flatMap((reading) => filledIn(reading, environment)) })), ...followed];
  const says = `${where}.${(container.args ?? []).length > 0 ? "args" : "command"}`;
  const given = Object.entries(environment.values).map(([name, [value = ""]]) => `${name} ${under(folder, value)}`);
  return stated.flatMap(({ name, paths }) =>
    paths.flatMap((path): Place[] => {
      const kind = saysPlace(name, path);
      const said = `${name} ${under(folder, path)}`;
      if (kind === null || given.includes(said)) return [];
      given.push(said);
      return [{ where: `${says} (${name})`, path, says: kind, variables: environment.variables, container }];
    }),
  );
}

/** What its command would start: the words themselves, or what the line for a shell among them starts. */
export function programsStartedBy(container: Container, peek: Peek): readonly Started[] {
  const environment = environmentOf(container, peek);
  const folder = peek(() => container.workingDir) ?? "";
  const words = (peek(() => attemptWords(container)) ?? []).map((word) => knownFilledIn(word, environment));
  const lines = words.filter((word) => /\s/.test(word));
  if (lines.length > 0) return lines.flatMap((line) => followScript(line, { variables: environment.values, folder }));
  return [{ words: words.map((word) => [word]), values: noValues, exported: new Set(), folder: [folder], targets: [], documents: [], trap: null, maybe: false, repeatedly: false }];
}

interface Environment {
  readonly variables: ReadonlyMap<string, EnvVar>;
  /** Of those whose value the manifest says. */
  readonly values: Readonly<Record<string, Readings>>;
}

/** Kubernetes fills in what stands before: `$(NAME)`. */
function environmentOf(container: Container, peek: Peek): Environment {
  const variables = new Map<string, EnvVar>();
  const values: Record<string, Readings> = {};
  for (const variable of container.env ?? []) {
    const name = peek(() => variable.name) ?? "";
    const value = peek(() => variable.value);
    variables.set(name, variable);
    if (typeof value === "string") values[name] = [knownFilledIn(value, { variables, values })];
  }
  return { variables, values };
}

const knownFilledIn = (text: string, { values }: Environment): string => text.replace(/\$\((\w+)\)/g, (whole: string, name: string) => values[name]?.[0] ?? whole);

/** Variables of the manifest are filled in, also where a shell would do it; others stay. */
const filledIn = (text: string, environment: Environment): Readings => {
  const known = knownFilledIn(text, environment);
  // Its own reference to what the manifest does not say would read as a command.
  return /\$\(\w+\)/.test(known) ? [known] : readText(known, { ...noValues, scalars: new Map(Object.entries(environment.values)) }).map((path) => under("", path));
};

/** What differs from one pod of a Job to the next: its name or uid, the time, a random number, a temporary folder. */
export function isLiteralPerAttempt(path: string, variables: ReadonlyMap<string, EnvVar>): boolean {
  if (/\$\((date|mktemp|uuidgen)\b|\$\{?RANDOM\b|`(date|mktemp|uuidgen)\b/.test(path)) return true;
  return [...path.matchAll(/\$[({]?(\w+)/g)].some(([, name = ""]) => {
    const field = variables.get(name)?.valueFrom?.fieldRef?.fieldPath;
    return field === "metadata.name" || field === "metadata.uid" || (name === "HOSTNAME" && !variables.has(name));
  });
}
