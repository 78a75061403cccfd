/** What a shell knows while a script is followed: variables, what of them its programs get, and the folder it is in. */
import type { Assignment } from "unbash";
import { expandWord, noValues, readWord, union, type Readings, type Values } from "./expand";
import { under } from "./paths";

export class ShellState {
  private constructor(
    /** Replaced, never changed: a program keeps those it was started with. */
    private current: Values,
    private names: ReadonlySet<string>,
  ) {}

  static of(variables: Readonly<Record<string, Readings>>, folder: string): ShellState {
    return new ShellState({ ...noValues, scalars: new Map<string, Readings>([...(folder === "" ? [] : [["PWD", [folder]] as const]), ...Object.entries(variables)]) }, new Set(Object.keys(variables)));
  }

  get values(): Values {
    return this.current;
  }

  /** Names that the environment of programs holds; `*` for all. */
  get exported(): ReadonlySet<string> {
    return this.names;
  }

  get folder(): Readings {
    return this.current.scalars.get("PWD") ?? [""];
  }

  fork(): ShellState {
    return new ShellState(this.current, this.names);
  }

  /** What another shell is given: the environment alone. `folder` instead of the one of this moment. */
  forProgram(folder: string | null): ShellState {
    const scalars = new Map([...this.current.scalars].filter(([name]) => name === "PWD" || this.names.has(name) || this.names.has("*")));
    if (folder !== null) scalars.set("PWD", [folder]);
    return new ShellState({ ...noValues, scalars }, this.names);
  }

  /** After branches that were followed apart: what any of them may have left behind. */
  merge(branches: readonly ShellState[]): void {
    this.names = new Set(branches.flatMap(({ names }) => [...names]));
    this.current = mergeValues(branches.map(({ current }) => current));
  }

  export(...names: readonly string[]): void {
    this.names = new Set([...this.names, ...names]);
  }

  set(name: string, readings: Readings): void {
    this.current = { ...this.current, scalars: new Map(this.current.scalars).set(name, readings) };
  }

  unset(name: string): void {
    const scalars = new Map(this.current.scalars);
    scalars.delete(name);
    this.current = { ...this.current, scalars };
  }

  go(readings: Readings): void {
    const before = this.folder;
    this.set("PWD", union(...before.map((folder) => readings.map((path) => under(folder, path)))));
    this.set("OLDPWD", before);
  }

  /** NAME=VALUE, NAME+=VALUE, NAME[0]=VALUE and NAME=(VALUES). */
  assign(assignment: Assignment): void {
    const { name, value, append, index } = assignment;
    const { arrays } = this.current;
    if (value.type !== "ArrayValue" && index === undefined) {
      this.set(name, this.read(assignment));
      return;
    }
    const elements = value.type === "ArrayValue" ? value.elements.flatMap((word) => expandWord(word, this.current)) : [readWord(value, this.current)];
    const goesOn = append === true || index !== undefined;
    this.current = { ...this.current, arrays: new Map(arrays).set(name, goesOn ? [...(arrays.get(name) ?? []), ...elements] : elements) };
  }

  /** What an assignment's value reads as; nothing for an array. */
  read({ name, value, append }: Assignment): Readings {
    if (value.type === "ArrayValue") return [];
    const readings = readWord(value, this.current);
    return append === true ? union((this.current.scalars.get(name) ?? [`\${${name}}`]).flatMap((before) => readings.map((after) => before + after))) : readings;
  }
}

function mergeValues(all: readonly Values[]): Values {
  const [only, ...others] = all;
  if (only !== undefined && others.every((values) => values === only)) return only;
  const scalars = new Map<string, Readings>();
  for (const name of new Set(all.flatMap((values) => [...values.scalars.keys()]))) scalars.set(name, union(...all.map((values) => values.scalars.get(name) ?? [`\${${name}}`])));
  const arrays = new Map<string, readonly Readings[]>();
  for (const name of new Set(all.flatMap((values) => [...values.arrays.keys()]))) arrays.set(name, all.flatMap((values) => values.arrays.get(name) ?? []));
  return { scalars, arrays };
}
