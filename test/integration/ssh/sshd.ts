/** A private sshd on a loopback address, for tests of the SSH runner: own host key, own port, one key that may log in. */
import { execa } from "execa";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { SshTarget } from "../../../providers/ssh/remote";
import { until } from "../../engine/until";

const sshdPath = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find(existsSync) ?? "sshd";

export class PrivateSshd {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-sshd-"));
  private child: ChildProcess | null = null;
  private constructor(
    readonly port: number,
    private readonly home: string | null,
  ) {}

  /** `home`: what the user's home folder is on that machine; default: this one's. */
  static async start({ home = null }: { home?: string | null } = {}): Promise<PrivateSshd> {
    const sshd = new PrivateSshd(await freePort(), home);
    await sshd.makeKey("client");
    await sshd.makeKey("host");
    copyFileSync(join(sshd.directory, "client.pub"), join(sshd.directory, "authorized_keys"));
    await sshd.listen();
    return sshd;
  }

  get target(): SshTarget & { readonly keyPath: string; readonly user: string } {
    return {
      host: "127.0.0.1",
      port: this.port,
      user: userInfo().username,
      keyPath: join(this.directory, "client"),
      knownHostsPath: join(this.directory, "known", "known_hosts"),
      hostKeyAlias: "instance-1",
    };
  }

  async listen(): Promise<void> {
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    const config = join(this.directory, "sshd_config");
    writeFileSync(
      config,
      [
        `Port ${this.port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${join(this.directory, "host")}`,
        `AuthorizedKeysFile ${join(this.directory, "authorized_keys")}`,
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        ...(this.home === null ? [] : [`SetEnv HOME=${this.home} PATH=${this.home}/bin:/usr/local/bin:/usr/bin:/bin`]),
        "",
      ].join("\n"),
    );
    this.child = spawn(sshdPath, ["-D", "-e", "-f", config], { stdio: "ignore" });
    await until("sshd listens", async () => (await execa("ssh-keyscan", ["-p", String(this.port), "127.0.0.1"], { reject: false })).stdout !== "", 20);
  }

  /** The same address with another machine behind it. */
  async replaceHostKey(): Promise<void> {
    await this.stop();
    rmSync(join(this.directory, "host"));
    rmSync(join(this.directory, "host.pub"));
    await this.makeKey("host");
    await this.listen();
  }

  async stop(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (!child || child.exitCode !== null) return;
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  }

  /** Ends every session that is open, as a network that goes away or a machine that dies does. It listens on unless stopped. */
  cut(): void {
    const { pid } = this.child ?? {};
    if (pid === undefined) return;
    for (const session of readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter((word) => word !== "")) {
      try {
        process.kill(Number(session), "SIGKILL");
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async makeKey(name: string): Promise<void> {
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", join(this.directory, name)]);
    chmodSync(join(this.directory, name), 0o600);
  }
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
}
