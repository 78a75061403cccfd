/** A scratch stack with the eyes and hands of the matrix: ids at the vendor, URNs, the artifacts' folder, files that are put back. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LedgerEntry, RunCustody, Signer } from "../../../custody";
import { openCustody } from "../../../custody";
import type { CommandResult, ScratchOptions } from "../stack";
import { ScratchStack } from "../stack";
import { until } from "../until";

/** May be a promise. */
export type Undo = () => unknown;

/** Ids of everything of the account; an instance on its way out does not stand. */
export interface Standing {
  readonly instances: readonly string[];
  readonly filesystems: readonly string[];
  readonly keys: readonly string[];
}

export const nothingStands: Standing = { instances: [], filesystems: [], keys: [] };

const idsOf = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id).sort();

const kinds: Readonly<Record<string, string>> = {
  gate: ":TeardownGate", audit: ":BillingAudit", instance: ":LambdaInstance", filesystem: ":LambdaFilesystem", key: ":LambdaSshKey", job: ":RemoteJob", component: "holdfast:index:TrainingRun",
};

export class Scene {
  private constructor(readonly scratch: ScratchStack) {}

  static async create(options: ScratchOptions = {}): Promise<Scene> {
    return new Scene(await ScratchStack.create(options));
  }

  async close(): Promise<void> {
    await this.scratch.close();
  }

  get run(): RunCustody {
    return this.scratch.custody();
  }

  get custodyRoot(): string {
    return join(this.scratch.directory, ".holdfast");
  }

  get pulled(): string {
    return this.run.paths.pulled;
  }

  async standing(): Promise<Standing> {
    const instances = await this.listed<{ id: string; status: string }>("/instances");
    return {
      instances: idsOf(instances.filter(({ status }) => status !== "terminated" && status !== "terminating")),
      filesystems: idsOf(await this.listed("/file-systems")),
      keys: idsOf(await this.listed("/ssh-keys")),
    };
  }

  /** The vendor's rate limit counts for the tests too. */
  private listed<T extends { id: string }>(path: string): Promise<readonly T[]> {
    return until(`${path} is listed`, async () => (await this.scratch.vendor<readonly T[] | undefined>(path)) ?? false);
  }

  /** The file system's root, as this machine sees it. */
  async tier(): Promise<string> {
    const [only, ...more] = await this.scratch.sandbox<{ path: string }[]>("/filesystems");
    assert.ok(only !== undefined && more.length === 0, "one file system");
    return only.path;
  }

  /** The run's directory on the durable tier, as this machine sees it. */
  async artifacts(run = "quick"): Promise<string> {
    return join(await this.tier(), "holdfast", "scratch", this.scratch.stack, run);
  }

  async urn(name: string): Promise<string> {
    const type = kinds[name];
    assert.ok(type !== undefined, `{${name}} is no placeholder`);
    const found = (await this.scratch.resources()).find((resource) => resource.type.endsWith(type));
    assert.ok(found !== undefined, `no ${name} in state`);
    return found.urn;
  }

  /** Runs one line as it was typed. Placeholders are URNs; `NAME` is the instance's name. */
  async type(line: string): Promise<CommandResult> {
    const words: string[] = [];
    for (const word of line.match(/'[^']*'|\S+/g) ?? []) words.push(await this.word(word.replace(/^'(.*)'$/, "$1")));
    const [program, verb = "", ...rest] = words;
    if (program === "holdfast") return this.scratch.holdfast(verb, ...rest);
    assert.equal(program, "pulumi", line);
    if (verb === "up") return this.scratch.up(...rest);
    if (verb === "destroy") return this.scratch.destroy(...rest);
    const consent = verb === "refresh" || verb === "state" ? ["--yes"] : [];
    return this.scratch.pulumi(verb, ...rest, "--stack", this.scratch.stack, ...consent);
  }

  private async word(text: string): Promise<string> {
    if (text === "NAME") return this.instanceName();
    const match = /^\{(\w+)\}$/.exec(text);
    return match ? this.urn(match[1] ?? "") : text;
  }

  instanceName(): string {
    const name = this.run.view().resources.get("instance")?.name;
    assert.ok(name, "the ledger names an instance");
    return name;
  }

  /** Types a line that must succeed; returns what it printed. */
  async succeeds(line: string): Promise<string> {
    const { exitCode, output } = await this.type(line);
    assert.equal(exitCode, 0, `${line}\n${output}`);
    return output;
  }

  /** Types a line that must be refused, cleanly and without changing what stands; returns what it printed. */
  async refuses(line: string, codes: readonly string[], pattern = /Refused/): Promise<string> {
    const before = await this.standing();
    const mark = this.entries().length;
    const { exitCode, output } = await this.type(line);
    assert.notEqual(exitCode, 0, `${line}\n${output}`);
    assert.match(output, pattern);
    assertClean(output);
    assert.deepEqual(this.refusedSince(mark), [...codes].sort(), output);
    assert.deepEqual(await this.standing(), before, "a refusal changes nothing");
    return output;
  }

  /** Waits until every cell named is complete (or failed) and no writer lives. */
  async rosterEnds(cells: readonly string[] = ["a", "b"], name = "quick"): Promise<void> {
    await until(`the queue of ${name} ends`, async () => {
      const { exitCode, output } = await this.scratch.holdfast("status", `scratch/${this.scratch.stack}/${name}`, "--json");
      if (exitCode !== 0) return false;
      const { writer, closed } = JSON.parse(output) as { writer?: string; closed?: { complete: string[]; failed?: string[] } | null };
      const ended = [...(closed?.complete ?? []), ...(closed?.failed ?? [])];
      return writer === "none" && cells.every((cell) => ended.includes(cell));
    });
  }

  /** Edits the stack's config; undone by the defaults. A key that is `undefined` is left out. */
  config(overrides: Readonly<Record<string, unknown>>): Undo {
    this.scratch.writeConfig(overrides);
    return () => { this.scratch.writeConfig({}); };
  }

  program(text: string): Undo {
    return editFile(join(this.scratch.directory, "index.js"), () => Buffer.from(text));
  }

  editJob(edit: (text: string) => string): Undo {
    return editFile(join(this.scratch.directory, "job", "job.yaml"), (bytes) => Buffer.from(edit(bytes.toString("utf8"))));
  }

  /** This checkout's signing key. */
  signer(): Signer {
    return openCustody(this.scratch.directory).signer();
  }

  /** Waits until a cell has started and written. */
  async cellsWrite(cell: string): Promise<void> {
    await until(`cell ${cell} writes`, async () => existsSync(join(await this.artifacts(), "cells", cell, "checkpoints", "step-000003.safetensors")));
  }

  /** Ends an instance in the vendor's console, behind everybody's back. */
  async vendorTerminates(id: string): Promise<void> {
    const descriptor = JSON.parse(readFileSync(join(this.scratch.sandboxDirectory, "daemon.json"), "utf8")) as { url: string; apiKeyFile: string };
    await until(`the vendor takes the request to end ${id}`, async () => {
      const response = await fetch(`${descriptor.url}/instance-operations/terminate`, {
        method: "POST",
        headers: { authorization: `Bearer ${readFileSync(descriptor.apiKeyFile, "utf8").trim()}`, "content-type": "application/json" },
        body: JSON.stringify({ instance_ids: [id] }),
      });
      const answer = await response.text();
      assert.ok(response.ok || response.status === 429, answer);
      return response.ok;
    });
    await until(`instance ${id} is gone`, async () => !(await this.listed<{ id: string; status: string }>("/instances")).some((instance) => instance.id === id && instance.status !== "terminated"));
  }

  /** Deletes something in the vendor's console, behind everybody's back. */
  async vendorDeletes(path: string): Promise<void> {
    const descriptor = JSON.parse(readFileSync(join(this.scratch.sandboxDirectory, "daemon.json"), "utf8")) as { url: string; apiKeyFile: string };
    await until(`the vendor deletes ${path}`, async () => {
      const response = await fetch(`${descriptor.url}${path}`, { method: "DELETE", headers: { authorization: `Bearer ${readFileSync(descriptor.apiKeyFile, "utf8").trim()}` } });
      return response.ok;
    });
  }

  /** Waits until the vendor shows an instance with this status. */
  async vendorSays(id: string, status: string): Promise<void> {
    await until(`instance ${id} is ${status}`, async () => (await this.listed<{ id: string; status: string }>("/instances")).some((instance) => instance.id === id && instance.status === status));
  }

  /** Waits for a line of the ledger. */
  async ledgerHas(kind: string, matches: (data: unknown) => boolean): Promise<void> {
    await until(`the ledger has ${kind}`, () => this.entries().some((entry) => entry.kind === kind && matches(entry.data)));
  }

  /** The chain is verified by reading it. */
  entries(): readonly LedgerEntry[] {
    return this.run.entries();
  }

  /** Codes recorded after entry `mark`, sorted and once each. */
  refusedSince(mark: number): string[] {
    const refused = this.entries().slice(mark).filter((entry): entry is LedgerEntry<"teardown.refused"> => entry.kind === "teardown.refused");
    return [...new Set(refused.flatMap(({ data }) => data.reasons.map(({ code }) => code)))].sort();
  }

  kindsSince(mark: number): string[] {
    return this.entries().slice(mark).map(({ kind }) => kind);
  }

  /** The stack's state as it is now; the returned function brings it back. */
  async rememberState(): Promise<Undo> {
    const file = join(this.scratch.directory, "remembered.json");
    const exported = await this.scratch.pulumi("stack", "export", "--stack", this.scratch.stack, "--file", file);
    assert.equal(exported.exitCode, 0, exported.output);
    return async () => {
      const imported = await this.scratch.pulumi("stack", "import", "--stack", this.scratch.stack, "--file", file);
      assert.equal(imported.exitCode, 0, imported.output);
    };
  }

  /** The state as a transform, or a person with an editor, would leave it: one resource, edited. */
  async editState(urnPart: string, edit: Readonly<Record<string, unknown>>): Promise<void> {
    const file = join(this.scratch.directory, "edited.json");
    const exported = await this.scratch.pulumi("stack", "export", "--stack", this.scratch.stack, "--file", file);
    assert.equal(exported.exitCode, 0, exported.output);
    const state = JSON.parse(readFileSync(file, "utf8")) as { deployment: { resources: { urn: string }[] } };
    const resource = state.deployment.resources.find(({ urn }) => urn.includes(urnPart));
    assert.ok(resource !== undefined, `no ${urnPart} in the state`);
    Object.assign(resource, edit);
    writeFileSync(file, JSON.stringify(state));
    const imported = await this.scratch.pulumi("stack", "import", "--stack", this.scratch.stack, "--file", file);
    assert.equal(imported.exitCode, 0, imported.output);
  }

  /** Moves this checkout's custody away, as in a second checkout of the same stack; the sandbox stays. */
  withoutCustody(): Undo {
    const away = join(this.scratch.directory, "custody-away");
    mkdirSync(away);
    for (const name of readdirSync(this.custodyRoot)) if (name !== "sandbox") renameSync(join(this.custodyRoot, name), join(away, name));
    return () => {
      for (const name of readdirSync(this.custodyRoot)) if (name !== "sandbox") rmSync(join(this.custodyRoot, name), { recursive: true });
      for (const name of readdirSync(away)) renameSync(join(away, name), join(this.custodyRoot, name));
      rmSync(away, { recursive: true });
    };
  }
}

/** A refusal is for a person: a paragraph, no stack, no type of error. */
export function assertClean(output: string): void {
  assert.doesNotMatch(output, /^\s+at .*:\d+:\d+\)?$/m, `no stack:\n${output}`);
  assert.doesNotMatch(output, /\b(TypeError|ReferenceError|UnhandledPromise|\[object Object\]|undefined)\b/, output);
}

/** Changes a file and returns what puts its old bytes back. `null` removes it. Nothing is kept beside it: that would be one more artifact. */
export function editFile(path: string, edit: (bytes: Buffer) => Buffer | null): Undo {
  const [bytes, { mode }] = [readFileSync(path), statSync(path)];
  const edited = edit(bytes);
  if (edited === null) rmSync(path);
  else writeFileSync(path, edited);
  return () => { writeFileSync(path, bytes, { mode }); };
}

/** Puts a file where none is; returns what removes it and the folders made for it. */
export function addFile(path: string, bytes: string | Buffer): Undo {
  assert.equal(existsSync(path), false, path);
  const made = mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return () => { rmSync(made ?? path, { recursive: true }); };
}

/** Hides a folder's files; returns what brings them back. */
export function hideFiles(folder: string): Undo {
  const away = `${folder}-hidden`;
  renameSync(folder, away);
  mkdirSync(folder);
  return () => {
    rmSync(folder, { recursive: true });
    renameSync(away, folder);
  };
}

/** Puts a file where a folder is, so that nothing can be written there; returns what brings the folder back. */
export function blockPath(folder: string): Undo {
  const away = `${folder}-away`;
  renameSync(folder, away);
  writeFileSync(folder, "");
  return () => {
    rmSync(folder);
    renameSync(away, folder);
  };
}

export const flipBit = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  const at = Math.floor(copy.length / 2);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

export async function withScene(options: ScratchOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = await Scene.create(options);
  try {
    await body(scene);
  } finally {
    await scene.close();
  }
}
