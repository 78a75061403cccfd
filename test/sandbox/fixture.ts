// A sandbox in a temporary directory, a client that judges every answer by the contract, and an ssh client. Everything ends with the test.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import assert from "node:assert/strict";
import { askAdmin, resetSandbox, startDaemon, type AdminInstance, type Knobs, type KnobsPatch, type MeterReport, type RequestRecord, type RunningDaemon, type SandboxDescriptor } from "../../sandbox/index.js";
import { Contract } from "../contract/contract.js";

const run = promisify(execFile);
export const contract = Contract.load("lambda-openapi.json");

/** The fields of records that tests look at; the contract check has judged the whole record before. */
export interface Shown {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly ip: string;
  readonly jupyter_token?: string;
  readonly actions: Readonly<Record<"restart" | "terminate", { readonly available: boolean; readonly reason_code?: string }>>;
  readonly file_system_names: readonly string[];
  readonly file_system_mounts?: readonly object[];
  readonly mount_point: string;
  readonly is_in_use: boolean;
  readonly bytes_used?: number;
  readonly private_key: string;
  readonly source_network: string;
  readonly rules: readonly object[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is not JSON. */
  readonly json: { readonly data?: unknown; readonly error?: { readonly code: string; readonly message: string } } | undefined;
}

export interface FileSystemPlace {
  readonly id: string;
  readonly path: string;
}

/** Vendor minutes in real seconds, no rate limit: what most tests want. */
export const fast: KnobsPatch = { timeScale: 600, rateLimit: { enabled: false }, bootSeconds: { ip: 20, sshLead: 60, active: 60 }, terminateSeconds: 20, restartSeconds: 0 };

export class Sandbox {
  constructor(
    readonly dir: string,
    public descriptor: SandboxDescriptor,
  ) {}

  get key(): string {
    return readFileSync(this.descriptor.apiKeyFile, "utf8").trim();
  }

  /** Any answer that the contract describes is held against it; 405, 429, 5xx and HTML are not in it. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = { authorization: `Bearer ${this.key}` }): Promise<Answer> {
    const response = await fetch(`${this.descriptor.url}${path}`, {
      method,
      headers: { "user-agent": "holdfast-test", ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    const json = isJson ? (JSON.parse(text) as Answer["json"]) : undefined;
    const described = isJson && response.status < 500 && ![405, 429].includes(response.status);
    if (described && contract.describes(method, pathOf(path))) assert.deepEqual(contract.faults(method, pathOf(path), response.status, json), [], `${method} ${path} ${response.status} ${text}`);
    return { status: response.status, headers: response.headers, text, json };
  }

  /** The data of an answer that must be 200. */
  async ok<T = Shown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call(method, path, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json?.data as T;
  }

  async list<T = Shown>(path: string): Promise<T[]> {
    return this.ok<T[]>("GET", path);
  }

  async terminate(...ids: string[]): Promise<Shown[]> {
    const { terminated_instances } = await this.ok<{ terminated_instances: Shown[] }>("POST", "/instance-operations/terminate", { instance_ids: ids });
    return terminated_instances;
  }

  async restart(...ids: string[]): Promise<Shown[]> {
    const { restarted_instances } = await this.ok<{ restarted_instances: Shown[] }>("POST", "/instance-operations/restart", { instance_ids: ids });
    return restarted_instances;
  }

  /** `status code` of an answer that must be an error. */
  async refusal(method: string, path: string, body?: unknown): Promise<string> {
    const answer = await this.call(method, path, body);
    assert.notEqual(answer.status, 200, answer.text);
    return `${answer.status} ${answer.json?.error?.code ?? answer.text}`;
  }

  async admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await askAdmin(this.descriptor, method, path, body);
    assert.equal(response.status, 200, `${method} ${path}: ${response.status}`);
    return (await response.json()) as T;
  }
  knobs(patch: KnobsPatch): Promise<Knobs> {
    return this.admin("PATCH", "/knobs", patch);
  }
  meter(): Promise<MeterReport> {
    return this.admin("GET", "/meter");
  }
  requests(): Promise<RequestRecord[]> {
    return this.admin("GET", "/requests");
  }
  machines(): Promise<AdminInstance[]> {
    return this.admin("GET", "/instances");
  }
  /** The one file system that most tests make. */
  async fileSystem(): Promise<FileSystemPlace> {
    return first(await this.admin<FileSystemPlace[]>("GET", "/filesystems"));
  }

  /** Launches with sensible defaults, without waiting. */
  async launch(change: object = {}): Promise<string> {
    const { instance_ids } = await this.ok<{ instance_ids: string[] }>("POST", "/instance-operations/launch", { ...launchBody, ...change });
    return first(instance_ids);
  }

  /** Waits until the instance shows this status, or is gone ("404"). */
  async until(id: string, status: string): Promise<Shown> {
    return eventually(`instance ${id} is ${status}`, async () => {
      const answer = await this.call("GET", `/instances/${id}`);
      const shown = answer.json?.data as Shown | undefined;
      if (status === "404") return answer.status === 404 ? ({} as Shown) : undefined;
      return shown?.status === status ? shown : undefined;
    });
  }

  async launchAndWait(change: object = {}): Promise<Shown> {
    return this.until(await this.launch(change), "active");
  }
}

export const launchBody = { region_name: "us-east-1", instance_type_name: "cpu_4x_general", ssh_key_names: ["key"] };

const openDirs = new Set<string>();

// Instances do not die with the process that started them, so an interrupted test run has to end them too.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void Promise.allSettled([...openDirs].map(resetSandbox)).then(() => process.exit(1)));
}

/** A fresh state directory that is emptied and removed after the test, whatever happened in it. */
export function stateDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-sandbox-"));
  openDirs.add(dir);
  t.after(async () => {
    await resetSandbox(dir);
    openDirs.delete(dir);
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** A daemon in this process. */
export async function openSandbox(t: TestContext, knobs: KnobsPatch = fast): Promise<Sandbox & { daemon: RunningDaemon }> {
  const dir = stateDir(t);
  const daemon = await startDaemon({ dir, knobs });
  return Object.assign(new Sandbox(dir, daemon.descriptor), { daemon });
}

export interface KeyPair {
  readonly file: string;
  readonly publicKey: string;
}

export async function makeKey(t: TestContext): Promise<KeyPair> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-key-"));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  const file = join(folder, "id");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  return { file, publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
}

/** Registers a new key pair under the name that `launchBody` uses. */
export async function registerKey(t: TestContext, sandbox: Sandbox): Promise<KeyPair> {
  const key = await makeKey(t);
  await sandbox.ok("POST", "/ssh-keys", { name: "key", public_key: key.publicKey });
  return key;
}

export function sshOptions(key: KeyPair, port: number): string[] {
  return ["-q", "-i", key.file, "-p", String(port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"];
}

/** Standard output of a command on the instance. Throws when it fails. */
export async function ssh(sandbox: Sandbox, key: KeyPair, address: string, command: string): Promise<string> {
  const { stdout } = await run("ssh", [...sshOptions(key, sandbox.descriptor.sshPort), `ubuntu@${address}`, command]);
  return stdout.trim();
}

export function first<T>(list: readonly T[]): T {
  return mustExist(list[0]);
}

export function mustExist<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

/** Asks until there is an answer; the bound only ends a test that can no longer pass. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function pathOf(path: string): string {
  return `/api/v1${path.split("?", 1)[0]}`;
}
