/**
 * A run of a test project whose machine is this computer, reached through a real sshd. The tests write what the scripts on an
 * instance would write into the run's directory, and see what the command line makes of it.
 */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { RunCustody } from "../../custody";
import { bootIdOfHost, startTicksOf } from "../../custody/disk/processes";
import { PrivateSshd } from "../integration/ssh/sshd";
import type { TestProject } from "./project";
import { withProject } from "./project";

export class TestMachine {
  readonly directory: string;

  private constructor(
    readonly run: RunCustody,
    readonly sshd: PrivateSshd,
    project: TestProject,
  ) {
    this.directory = join(project.root, "tier", "holdfast", run.ref.project, run.ref.stack, run.ref.name);
    const { host, port, user, keyPath } = sshd.target;
    run.append("address.changed", { instance: "i-1", host, port, user });
    const details = { directory: this.directory, scripts: resolve("remote"), spec: "s", code: "c", session: "t", mountPoint: "/proc", filesystemId: "fs-1" };
    run.append("resource.created", { role: "job", kind: "RemoteJob", id: `job-${run.ref.name}`, name: `job-${run.ref.name}`, details });
    mkdirSync(run.paths.ssh, { recursive: true, mode: 0o700 });
    copyFileSync(keyPath, join(run.paths.ssh, "lab-key"));
    this.write("state/queue.json", "{}\n");
    // The queue that writes is this process: it lives as long as the test.
    const machineId = existsSync("/etc/machine-id") ? readFileSync("/etc/machine-id", "utf8").trim() : "";
    this.write("lock/writer", `${JSON.stringify({ epoch: 1, host: hostname(), machineId, bootId: bootIdOfHost(), pid: process.pid, startTicks: startTicksOf(process.pid) })}\n`);
  }

  static async start(project: TestProject, name = "digits", stack = "dev"): Promise<TestMachine> {
    return new TestMachine(project.declareRun(name, stack), await PrivateSshd.start(), project);
  }

  /** A cell's state file; the fields a test does not name are those of a cell that waits. */
  cell(name: string, state: string, more: object = {}): void {
    this.write(`state/cells/${name}.json`, `${JSON.stringify({ cell: name, state, attempt: state === "pending" ? 0 : 1, exit: null, cause: null, startedAt: state === "pending" ? null : seconds(-90), endedAt: null, ...more })}\n`);
  }

  heartbeat(more: object = {}): void {
    this.write("state/heartbeat", `${JSON.stringify({ at: seconds(-2), epoch: 1, pid: 1, cell: "a", bytesFree: 8e10, inodesFree: 16_100_000, memoryBytes: 1.6e9, memoryLimitBytes: 25.3e9, gpu: null, uptimeSeconds: 100, ...more })}\n`);
  }

  checkpoint(cell: string, step: number): void {
    this.write(`cells/${cell}/checkpoints/step-${String(step).padStart(6, "0")}.safetensors`, "weights");
  }

  metrics(cell: string, ...rows: readonly (object | string)[]): void {
    this.append(`cells/${cell}/metrics.jsonl`, rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""));
  }

  /** `log` is a cell's name, or `queue`. */
  log(log: string, ...lines: readonly string[]): void {
    this.append(`logs/${log}.log`, lines.map((line) => `${line}\n`).join(""));
  }

  closeQueue(complete: readonly string[], failed: readonly string[] = []): void {
    this.write("state/closed.json", `${JSON.stringify({ at: seconds(0), epoch: 1, complete, failed })}\n`);
  }

  /** No connection stays, none is taken. */
  async silence(): Promise<void> {
    this.sshd.cut();
    await this.sshd.stop();
  }

  async answer(): Promise<void> {
    await this.sshd.listen();
  }

  async close(): Promise<void> {
    this.sshd.cut();
    await this.sshd.close();
  }

  private write(path: string, text: string): void {
    const target = join(this.directory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  private append(path: string, text: string): void {
    const target = join(this.directory, path);
    mkdirSync(dirname(target), { recursive: true });
    appendFileSync(target, text);
  }
}

/** ISO 8601, as the scripts write it. */
export const seconds = (fromNow: number): string => `${new Date(Date.now() + fromNow * 1000).toISOString().slice(0, 19)}Z`;

export async function withMachine(body: (project: TestProject, machine: TestMachine) => Promise<void>): Promise<void> {
  await withProject(async (project) => {
    const machine = await TestMachine.start(project);
    try {
      await body(project, machine);
    } finally {
      await machine.close();
    }
  });
}
