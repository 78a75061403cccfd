/** Rules across the properties of a job's inputs, on the raw value. No message repeats a source: it may hold a secret. */
import { faultAt, renderPath, valueAt, type Fault, type PropertyPath } from "./faults";
import { inputVariable, readInputSource, type InputMode, type InputSource } from "./inputSource";

export const faultsAcrossInputs = (raw: unknown): Fault[] => [...listAt(raw, ["inputs"]).flatMap((_, index) => faultsOfInput(raw, index)), ...sameVariable(raw), ...unknownInCells(raw)];

const listAt = (raw: unknown, path: PropertyPath): readonly unknown[] => {
  const value = valueAt(raw, path);
  return Array.isArray(value) ? value : [];
};

const REMOTE: ReadonlySet<InputSource["kind"]> = new Set(["url", "bucket"]);

function faultsOfInput(raw: unknown, index: number): Fault[] {
  const at = (key: string): PropertyPath => ["inputs", index, key];
  const value = (key: string): unknown => valueAt(raw, at(key));
  const source = value("source");
  if (typeof source !== "string" || source === "") return [];
  const mode = value("mode") ?? "copy";
  const read = readInputSource(source, mode as InputMode);
  if (typeof read === "string") return [faultAt(at("source"), read)];
  const pinned = typeof value("sha256") === "string";
  const faults: Fault[] = [];
  if (mode === "mount" && read.kind !== "instance") faults.push(faultAt(at("mode"), "= \"mount\": is for a path that is on the instance already (instance:/PATH); use copy or cached"));
  if (mode === "cached" && read.kind !== "local" && !pinned) {
    faults.push(faultAt(at("sha256"), "is missing: the cache is shared by runs and keyed by content; fetch it once with mode: copy, the log then says its hash"));
  }
  if (read.kind === "url" && /^http:/i.test(read.url) && !pinned) faults.push(faultAt(at("source"), "is plain http: anybody on the way can change it; use https, or give its sha256"));
  const token = value("token");
  if (typeof token === "string") {
    if (read.kind !== "url" || !/^https:/i.test(read.url)) faults.push(faultAt(at("token"), `is sent to https URLs only${REMOTE.has(read.kind) ? "" : ", and this input is none"}`));
    if (!listAt(raw, ["secrets"]).includes(token)) faults.push(faultAt(at("token"), `must also stand in secrets: [${/^[A-Za-z_]\w*$/.test(token) ? token : "NAME"}]`));
  }
  return faults;
}

/** Two names of one variable would give cells the wrong data. */
function sameVariable(raw: unknown): Fault[] {
  const first = new Map<string, number>();
  return listAt(raw, ["inputs"]).flatMap((_, index) => {
    const name = valueAt(raw, ["inputs", index, "name"]);
    if (typeof name !== "string") return [];
    const variable = inputVariable(name);
    const earlier = first.get(variable);
    if (earlier === undefined) first.set(variable, index);
    return earlier === undefined ? [] : [faultAt(["inputs", index, "name"], `= ${JSON.stringify(name)}: must be unique, ${renderPath(["inputs", earlier])} is in ${variable} already`)];
  });
}

function unknownInCells(raw: unknown): Fault[] {
  const names = listAt(raw, ["inputs"]).map((_, index) => valueAt(raw, ["inputs", index, "name"]));
  return listAt(raw, ["roster"]).flatMap((_, cell) =>
    listAt(raw, ["roster", cell, "inputs"]).flatMap((name, index) =>
      typeof name === "string" && !names.includes(name)
        ? [faultAt(["roster", cell, "inputs", index], `= ${JSON.stringify(name)}: the job has no input of that name (it has: ${names.filter((known) => typeof known === "string").join(", ") || "none"})`)]
        : [],
    ),
  );
}
