/**
 * What words of a shell may read as: every value that a variable can have at that point, of which one is not chosen. What is
 * not known stays as `${NAME}` or as the substitution's own text. Pure.
 */
import type { CommandExpansionPart, ParameterExpansionPart, Word, WordPart } from "unbash";
import { partsOf } from "./parse";

/** All readings, most likely first; never more than LIMIT. */
export type Readings = readonly string[];

export interface Values {
  /** Scalars by name; `1`, `2`... are positional. */
  readonly scalars: ReadonlyMap<string, Readings>;
  /** Words of arrays, by name. */
  readonly arrays: ReadonlyMap<string, readonly Readings[]>;
}

const LIMIT = 12;
/** A path is shorter; what doubles itself is not followed for ever. */
const LONGEST = 8192;

export const noValues: Values = { scalars: new Map(), arrays: new Map() };

export const union = (...all: readonly Readings[]): Readings => [...new Set(all.flat())].slice(0, LIMIT).map((reading) => reading.slice(0, LONGEST));

/** The words that one word becomes: arrays are spread, and unquoted expansions are split at white space, as the shell does. */
export function expandWord(word: Word, values: Values): Readings[] {
  const [part, ...others] = word.parts ?? [];
  if (part === undefined) return [[untilded(word.value)]];
  const array = others.length === 0 ? spreadArray(part, values) : null;
  if (array !== null) return [...array];
  const readings = others.length === 0 && part.type === "Literal" ? [word.value] : join([part, ...others], values).map(untilded);
  if (![part, ...others].some(({ type }) => SPLITS.has(type)) || !readings.some((reading) => /\s/.test(unsubstituted(reading)))) return [readings];
  return readings.flatMap((reading) => (/\s/.test(unsubstituted(reading)) ? reading.split(/\s+/).filter((piece) => piece !== "").map((piece) => [piece]) : [[reading]]));
}

/** One word as one value, as in an assignment: nothing is split. */
export const readWord = (word: Word, values: Values): Readings => (word.parts === undefined ? [untilded(word.value)] : join(word.parts, values).map(untilded));

/** A text in which a shell expands variables: a here-document, or a value that Kubernetes fills in. */
export const readText = (text: string, values: Values): Readings => (text.includes("$") || text.includes("`") ? join(partsOf(text), values).map((reading) => reading.replace(/\n$/, "")) : [text]);

/** Variables that a word gives a value while it is read, `${X:=VALUE}`, with that value. */
export function assignedBy(word: Word, values: Values): [string, Readings][] {
  const inner = (parts: readonly WordPart[]): [string, Readings][] =>
    parts.flatMap((part): [string, Readings][] => {
      if (part.type === "DoubleQuoted") return inner(part.parts);
      return part.type === "ParameterExpansion" && part.operation?.type === "Default" && part.operation.operator.endsWith("=") ? [[part.parameter, readParameter(part, values)]] : [];
    });
  return inner(word.parts ?? []);
}

const SPLITS: ReadonlySet<WordPart["type"]> = new Set(["SimpleExpansion", "ParameterExpansion"]);

const untilded = (reading: string): string => reading.replace(/^((?:--?[\w.-]+=)?)~(?=\/|$)/, "$1${HOME}");
const unsubstituted = (reading: string): string => reading.replaceAll(/\$\([^)]*\)|`[^`]*`/g, "");

/** `${X[@]}`, also in quotes; null for what is no array of the script. */
function spreadArray(part: WordPart, values: Values): readonly Readings[] | null {
  if (part.type === "DoubleQuoted") {
    const [inner, ...others] = part.parts;
    return inner !== undefined && others.length === 0 ? spreadArray(inner, values) : null;
  }
  if (part.type !== "ParameterExpansion" || part.prefix !== undefined) return null;
  const { index, parameter } = part;
  return index !== undefined && /^[@*]$/.test(index.value) ? (values.arrays.get(parameter) ?? null) : null;
}

function join(parts: readonly WordPart[], values: Values): Readings {
  let readings: Readings = [""];
  for (const part of parts) {
    const next = readPart(part, values);
    readings = union(readings.flatMap((before) => next.map((after) => before + after)));
  }
  return readings;
}

function readPart(part: WordPart, values: Values): Readings {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
    case "Glob":
      return [part.value];
    case "DoubleQuoted":
    case "LocaleString":
      return join(part.parts, values);
    case "SimpleExpansion":
      return valueOf(part.text.slice(1), values);
    case "ParameterExpansion":
      return readParameter(part, values);
    case "CommandExpansion":
      return readSubstitution(part, values);
    case "ArithmeticExpansion":
    case "ProcessSubstitution":
    case "ExtendedGlob":
    case "BraceExpansion":
      return [part.text];
  }
}

const valueOf = (name: string, { scalars, arrays }: Values): Readings => scalars.get(name) ?? arrays.get(name)?.[0] ?? [`\${${name}}`];

function readParameter(part: ParameterExpansionPart, values: Values): Readings {
  const { parameter, prefix, index, operation } = part;
  if (prefix === "!" && operation === undefined && index === undefined) return union(valueOf(parameter, values).flatMap((name) => (/^\w+$/.test(name) ? valueOf(name, values) : [part.text])));
  if (prefix !== undefined) return [part.text];
  const known = index === undefined ? values.scalars.get(parameter) : elementOf(parameter, index, values);
  const value = known ?? (index === undefined ? valueOf(parameter, values) : [part.text]);
  switch (operation?.type) {
    case undefined:
    case "CaseModification":
      return value;
    case "Default":
      return withDefault(operation.operator, known, value, readWord(operation.operand, values));
    case "Remove":
      return value.map((reading) => removed(reading, operation.operator, operation.operand.value));
    case "Replace": {
      const [from, to] = [operation.pattern.value, operation.replacement.value];
      return /[*?[]/.test(from) || from === "" ? value : value.map((reading) => (operation.operator === "//" ? reading.replaceAll(from, to) : reading.replace(from, to)));
    }
    case "Slice":
    case "Transform":
    case "Names":
    case "Unknown":
      return [part.text];
  }
}

/** An index that is computed may be any. */
function elementOf(name: string, index: Word, { arrays }: Values): Readings | undefined {
  const elements = arrays.get(name);
  if (elements === undefined) return undefined;
  return /^\d+$/.test(index.value) ? elements[Number(index.value)] : union(...elements);
}

/** What the environment brings may be there or not, so both count. */
function withDefault(operator: string, known: Readings | undefined, value: Readings, fallback: Readings): Readings {
  if (operator.endsWith("?")) return value;
  if (operator.endsWith("+")) return known === undefined ? union(fallback, [""]) : fallback;
  if (known === undefined) return union(value, fallback);
  return operator.startsWith(":") ? union(known.flatMap((reading) => (reading === "" ? fallback : [reading]))) : known;
}

/** The part of a path that says where it lies is kept; cutting everything up to the last slash keeps its name only. */
function removed(reading: string, operator: string, pattern: string): string {
  if (operator.startsWith("#")) return pattern === "*/" ? (reading.split("/").at(-1) ?? reading) : reading.startsWith(pattern) ? reading.slice(pattern.length) : reading;
  if (pattern === "/*") return reading.replace(operator === "%%" ? /\/.*$/s : /\/[^/]*$/, "");
  return reading.endsWith(pattern) ? reading.slice(0, -pattern.length) : reading;
}

/** Programs whose answer is known without running them; the text of every other one stays. */
function readSubstitution({ text, script }: CommandExpansionPart, values: Values): Readings {
  const [statement, ...others] = script?.commands ?? [];
  const command = statement?.command;
  if (others.length > 0 || command?.type !== "Command" || command.name === undefined) return [text];
  const [name = [], ...words] = [command.name, ...command.args].flatMap((word) => (word.type === "Word" ? expandWord(word, values) : [[word.text]]));
  const operands = words.filter(([word = ""]) => !word.startsWith("-"));
  switch (name[0] ?? "") {
    case "pwd":
      return valueOf("PWD", values);
    case "mktemp":
      return temporary(words, values);
    case "echo":
    case "realpath":
    case "readlink":
      return operands.length === 1 && operands[0] !== undefined ? operands[0] : [text];
    case "dirname":
      return (operands[0] ?? [text]).map((path) => path.replace(/\/[^/]*\/?$/, ""));
    default:
      return [text];
  }
}

/** mktemp makes it in $TMPDIR unless it is told where; its name is another one each time. */
function temporary(words: readonly Readings[], values: Values): Readings {
  const unnamed = (folder: Readings): Readings => folder.map((path) => `${path}/$(mktemp)`);
  for (const [index, readings] of words.entries()) {
    const [word = ""] = readings;
    const glued = /^(?:-p|--tmpdir=)(.+)$/.exec(word)?.[1];
    if (glued !== undefined) return unnamed(readings.map((reading) => reading.replace(/^(?:-p|--tmpdir=)/, "")));
    if (/^-[dqu]*p$/.test(word)) return unnamed(words[index + 1] ?? valueOf("TMPDIR", values));
    if (!word.startsWith("-") && word.includes("/")) return unnamed(readings.map((reading) => reading.replace(/\/[^/]*$/, "")));
  }
  return unnamed(valueOf("TMPDIR", values));
}
