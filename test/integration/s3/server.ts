/** A real S3 server on loopback for the tests that need one: its own folder, port and credentials. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../engine/stack";
import { until } from "../../engine/until";
import { freePort } from "../ssh/sshd";

const { findS3Server } = createRequire(join(packageRoot, "package.json"))("./toolchain/s3/server.cjs") as { findS3Server: () => string | null };

/** Why there is none on this machine; null when there is one. */
export const noS3Server = (): string | null =>
  findS3Server() === null ? `no S3 server could be built here (${process.env["HOLDFAST_NO_S3_SERVER"] ?? "npm test builds it"})` : null;

export class PrivateS3 {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-s3-"));
  /** For the environment of whoever may use it. */
  readonly credentials = { AWS_ACCESS_KEY_ID: "tests", AWS_SECRET_ACCESS_KEY: "only-on-loopback" };
  private child: ChildProcess | null = null;

  private constructor(readonly port: number) {}

  /** With these buckets. */
  static async start(...buckets: string[]): Promise<PrivateS3> {
    const server = new PrivateS3(await freePort());
    for (const bucket of buckets) mkdirSync(join(server.directory, bucket), { recursive: true });
    await server.listen();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    const { AWS_ACCESS_KEY_ID: ROOT_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: ROOT_SECRET_KEY } = this.credentials;
    this.child = spawn(findS3Server() ?? "", ["--quiet", "--port", `127.0.0.1:${this.port}`, "posix", this.directory], { stdio: "ignore", env: { PATH: process.env["PATH"], ROOT_ACCESS_KEY, ROOT_SECRET_KEY } });
    await until("the S3 server answers", async () => (await fetch(this.endpoint).catch(() => null)) !== null, 20);
  }

  async stop(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
