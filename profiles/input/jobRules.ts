/**
 * Rules across the properties of a job request. They look at the raw value, because they must report next to shape
 * faults, not after them.
 */
import { faultAt, renderPath, valueAt, type Fault, type PropertyPath } from "./faults";
import { faultsAcrossInputs } from "./inputRules";

/** Keys by which people try to say where checkpoints go. */
export function isDerivedKey(path: PropertyPath): boolean {
  const key = String(path.at(-1));
  if (/^(checkpoint|ckpt|output|out|save|durable|artifact|run)s?[-_]?(dir|directory|path|folder|root)$/i.test(key)) return true;
  return path.at(-2) === "checkpoint" && /^(dir|directory|path|folder|root|to|where)$/i.test(key);
}

export const faultsAcrossJob = (raw: unknown): Fault[] => [...twice(raw), ...bothEnvAndSecret(raw), ...reservedVariables(raw), ...typedDirectories(raw), ...scratchOfEverything(raw), ...faultsAcrossInputs(raw)];

const listAt = (raw: unknown, path: PropertyPath): readonly unknown[] => {
  const value = valueAt(raw, path);
  return Array.isArray(value) ? value : [];
};
const namesAt = (raw: unknown, path: PropertyPath): string[] => {
  const value = valueAt(raw, path);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
};

/** Folders and logs are named for cells, also on file systems that do not know case; logs/queue.log and logs/setup.log are the run's own. */
function twice(raw: unknown): Fault[] {
  const first = new Map<string, number>();
  const faults: Fault[] = [];
  listAt(raw, ["roster"]).forEach((_, index) => {
    const name = valueAt(raw, ["roster", index, "name"]);
    if (typeof name !== "string") return;
    const path = ["roster", index, "name"];
    const earlier = first.get(name.toLowerCase());
    if (["queue", "setup"].includes(name.toLowerCase())) faults.push(faultAt(path, `= ${JSON.stringify(name)}: must be another name, a log of the run's own has that one`));
    else if (/\.tmp$|\.kept-\d+$/i.test(name)) faults.push(faultAt(path, `= ${JSON.stringify(name)}: must end differently: .tmp is never an artifact, and .kept-N is what a fresh start sets aside`));
    else if (earlier === undefined) first.set(name.toLowerCase(), index);
    else faults.push(faultAt(path, `= ${JSON.stringify(name)}: must be unique (case does not count), ${renderPath(["roster", earlier])} has that name`));
  });
  return faults;
}

const bothEnvAndSecret = (raw: unknown): Fault[] =>
  namesAt(raw, ["env"])
    .filter((name) => listAt(raw, ["secrets"]).includes(name))
    .map((name) => faultAt(["env", name], "is also in secrets: a secret's value is read from the environment, remove it here"));

const reservedVariables = (raw: unknown): Fault[] => [
  ...namesAt(raw, ["env"]).filter((name) => name.startsWith("HOLDFAST_")).map((name) => faultAt(["env", name], "cannot be set: HOLDFAST_ variables are Holdfast's own")),
  ...listAt(raw, ["secrets"]).flatMap((name, index) => (isReserved(name) ? [faultAt(["secrets", index], "cannot be set: HOLDFAST_ variables are Holdfast's own")] : [])),
];
const isReserved = (name: unknown): boolean => typeof name === "string" && /^HOLDFAST_\w*$/.test(name);

const DIRECTORY_NAME = "(?:checkpoint|ckpt)s?[-_]?(?:dir|directory|path|folder|root)";
const flag = new RegExp(`(?:^|\\s)(--?${DIRECTORY_NAME})(?:\\s*=\\s*|\\s+)(\\S+)`, "gi");
const derived = /\$\{?HOLDFAST_(CHECKPOINT|OUTPUT|SCRATCH)_DIR\b/;

/** Flags and variables that name a checkpoint directory: only the derived one may be passed on. */
function typedDirectories(raw: unknown): Fault[] {
  const faults: Fault[] = [];
  const command = valueAt(raw, ["command"]);
  if (typeof command === "string") {
    for (const [, name = "", value = ""] of command.matchAll(flag)) {
      if (!derived.test(value)) faults.push(faultAt(["command"], `has ${name}: the checkpoint directory is derived, never typed; write ${name} "$HOLDFAST_CHECKPOINT_DIR"`));
    }
  }
  listAt(raw, ["roster"]).forEach((_, cell) => {
    listAt(raw, ["roster", cell, "args"]).forEach((word, index) => {
      const name = typeof word === "string" ? new RegExp(`^--?${DIRECTORY_NAME}(?==|$)`, "i").exec(word)?.[0] : undefined;
      if (name === undefined) return;
      const why = "the checkpoint directory is derived, never typed";
      faults.push(faultAt(["roster", cell, "args", index], `has ${name}: ${why}; remove it here and write ${name} "$HOLDFAST_CHECKPOINT_DIR" in command`));
    });
  });
  for (const name of namesAt(raw, ["env"])) {
    if (new RegExp(`^${DIRECTORY_NAME}$`, "i").test(name)) {
      faults.push(faultAt(["env", name], `cannot be set: the checkpoint directory is derived, never typed; start command with ${name}="$HOLDFAST_CHECKPOINT_DIR"`));
    }
  }
  return faults;
}

/** A pattern that covers a whole cell would declare every checkpoint worthless. */
function scratchOfEverything(raw: unknown): Fault[] {
  const places: PropertyPath[] = [["artifacts", "scratch"], ...listAt(raw, ["roster"]).map((_, index) => ["roster", index, "artifacts", "scratch"])];
  return places.flatMap((path) =>
    listAt(raw, path).flatMap((pattern, index) => {
      const everything = typeof pattern === "string" && /^(\.\/)?(\*\*\/)*\*{1,2}$/.test(pattern);
      return everything ? [faultAt([...path, index], `= ${JSON.stringify(pattern)}: must leave something to keep; declare the run disposable if nothing matters`)] : [];
    }),
  );
}
