/**
 * The one SSH runner: the system's OpenSSH and rsync, one shared connection per machine, host key pinned at first contact.
 * A transport that ends in the middle is reported as "unknown", never as failure or success of the remote program.
 */
import type { Clock } from "../../custody/clock";
import { systemClock } from "../../custody/clock";
import type { Remote, RemoteExecOptions, RemotePullOptions, RemoteResult } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { SshTarget } from "./config";
import { targetName, writeSshConfig } from "./config";
import { classifyTransportFault, parseRsyncProgress, shellWord } from "./outcome";

export type { SshTarget } from "./config";

export interface SshOptions {
  readonly clock?: Clock;
  /** How often a connection is tried before RemoteUnreachable; only connections that never opened are tried again. Default 3. */
  readonly attempts?: number;
}

/** At the first call: most commands and providers that could ask a machine never do, and loading it takes 80 ms of a processor. */
const loadExeca = (): Promise<typeof import("execa")> => import("execa");

/** Opens nothing yet: the first call connects. */
export function openSshRemote(target: SshTarget, options: SshOptions = {}): Remote {
  return new SshRemote(target, writeSshConfig(target), options.clock ?? systemClock, options.attempts ?? 3);
}

/** argv of an interactive ssh to the same machine, for `holdfast ssh`. */
export function interactiveSsh(target: SshTarget): string[] {
  return ["ssh", "-F", writeSshConfig(target), targetName];
}

export interface PortForward {
  /** Port on loopback of this computer. */
  readonly local: number;
  /** Port on loopback of the machine. */
  readonly remote: number;
}

/** What the client prints on stdout once the port on this computer is bound. */
export const forwardIsOpen = "holdfast-forward-open";

/**
 * argv of an ssh that forwards one port and runs nothing. Loopback on both ends: neither the network here nor the one there sees
 * the port. A connection of its own, because it lives as long as somebody looks at it, and its messages are wanted.
 */
export function forwardingSsh(target: SshTarget, { local, remote }: PortForward): string[] {
  const options = ["ControlMaster=no", "ControlPath=none", "ExitOnForwardFailure=yes", "LogLevel=INFO", "PermitLocalCommand=yes", `LocalCommand=echo ${forwardIsOpen}`];
  return ["ssh", "-F", writeSshConfig(target), "-N", "-T", ...options.flatMap((option) => ["-o", option]), "-L", `127.0.0.1:${local}:127.0.0.1:${remote}`, targetName];
}

class SshRemote implements Remote {
  readonly description: string;

  constructor(
    private readonly target: SshTarget,
    private readonly config: string,
    private readonly clock: Clock,
    private readonly attempts: number,
  ) {
    this.description = `${target.user === null ? "" : `${target.user}@`}${target.host}:${target.port}`;
  }

  async exec(argv: readonly string[], options: RemoteExecOptions = {}): Promise<RemoteResult> {
    const line = argv.map(shellWord).join(" ");
    return this.connected(async () => {
      const { execa } = await loadExeca();
      const child = execa("ssh", ["-F", this.config, "-T", targetName, "--", line], {
        ...(options.stdin === undefined ? { stdin: "ignore" as const } : { input: options.stdin }),
        timeout: (options.timeoutSeconds ?? 60) * 1000,
        ...(options.signal ? { cancelSignal: options.signal } : {}),
        reject: false,
        stripFinalNewline: false,
        maxBuffer: 1 << 28,
        buffer: { stdout: options.keepOutput !== false },
      });
      if (options.onLine) for await (const text of child.iterable({ from: "stdout" })) options.onLine(text);
      const result = await child;
      if (options.signal?.aborted) throw options.signal.reason;
      const stdout = result.stdout ?? "";
      const stderr = result.stderr;
      if (result.exitCode === undefined || result.timedOut) return { exitCode: "unknown" as const, stdout, stderr };
      if (result.exitCode !== 255) return { exitCode: result.exitCode, stdout, stderr };
      const fault = classifyTransportFault(stderr);
      if (fault.kind === "lost") return { exitCode: "unknown" as const, stdout, stderr };
      throw this.faultError(fault);
    });
  }

  async pull(from: string, to: string, options: RemotePullOptions): Promise<void> {
    if (options.files.length === 0) return;
    await this.transfer(`${targetName}:${from}/`, `${to}/`, options);
  }

  async send(from: string, to: string, options: RemotePullOptions): Promise<void> {
    if (options.files.length === 0) return;
    await this.must(["mkdir", "-p", to]);
    await this.transfer(`${from}/`, `${targetName}:${to}/`, options, ["--copy-links"]);
  }

  /** Files by name, either way. The same call again goes on from what has arrived. */
  private async transfer(from: string, to: string, options: RemotePullOptions, more: readonly string[] = []): Promise<void> {
    await this.rsync(
      [
        "--times",
        "--chmod=F644,D755",
        ...more,
        "--from0",
        "--files-from=-",
        // A file that was cut stays beside its target under this name and is the basis of the next try.
        "--partial-dir=.holdfast-partial",
        "--info=progress2,name0",
        "--no-human-readable",
        // Progress lines end in a carriage return, so line buffering would hold them back.
        "--outbuf=N",
        from,
        to,
      ],
      options.files.join("\0"),
      options,
    );
  }

  async push(from: string, to: string, options: { signal?: AbortSignal; exclude?: readonly string[] } = {}): Promise<void> {
    const there = await this.exec(["test", "-d", to]);
    if (there.exitCode === 0) return;
    const partial = `${to}.partial-${process.pid}`;
    await this.must(["mkdir", "-p", partial]);
    const excludes = (options.exclude ?? []).map((pattern) => `--exclude=${pattern}`);
    await this.rsync(["--recursive", "--links", "--perms", "--times", ...excludes, `${from}/`, `${targetName}:${partial}/`], undefined, options);
    // Somebody else may have pushed the same content meanwhile; its name says what it holds, so either copy will do.
    await this.must(["sh", "-c", 'if [ -d "$2" ]; then rm -rf -- "$1"; else mv -- "$1" "$2"; fi', "sh", partial, to]);
  }

  async write(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    const script = 'umask 077; mkdir -p -- "${1%/*}" && cat > "$1.new" && chmod "$2" "$1.new" && { sync "$1.new" 2>/dev/null || sync; } && mv -f -- "$1.new" "$1"';
    const result = await this.exec(["sh", "-c", script, "sh", path, mode.toString(8)], { stdin: content });
    if (result.exitCode !== 0) throw this.failed(`write ${path}`, result);
  }

  /** The connection is shared with other processes: `exit` would cut a log or a shell that somebody has open over it. */
  async close(): Promise<void> {
    const { execa } = await loadExeca();
    await execa("ssh", ["-F", this.config, "-O", "stop", targetName], { reject: false, stdin: "ignore", timeout: 5000 });
  }

  private async must(argv: readonly string[]): Promise<RemoteResult> {
    const result = await this.exec(argv);
    if (result.exitCode !== 0) throw this.failed(argv.slice(0, 2).join(" "), result);
    return result;
  }

  private failed(what: string, result: RemoteResult): Error {
    if (result.exitCode === "unknown") return new RemoteUnreachable(this.description, `the connection ended during: ${what}`);
    return new UserError(`${this.description}: ${what} failed with exit code ${result.exitCode}: ${result.stderr.trim()}`, { code: "remote-command" });
  }

  private async rsync(args: readonly string[], input: string | undefined, options: { signal?: AbortSignal; onProgress?: RemotePullOptions["onProgress"] }): Promise<void> {
    await this.connected(async () => {
      const { execa } = await loadExeca();
      const child = execa("rsync", ["--protect-args", "-e", `ssh -F '${this.config}'`, ...args], {
        ...(input === undefined ? { stdin: "ignore" as const } : { input }),
        ...(options.signal ? { cancelSignal: options.signal, forceKillAfterDelay: 2000 } : {}),
        reject: false,
        env: { LC_ALL: "C" },
      });
      if (options.onProgress) {
        // progress2 rewrites one line with carriage returns.
        child.stdout.on("data", (chunk: Buffer) => {
          const last = chunk.toString("utf8").split(/[\r\n]/).map(parseRsyncProgress).filter((progress) => progress !== null).at(-1);
          if (last) options.onProgress?.(last);
        });
      }
      const result = await child;
      if (options.signal?.aborted) throw options.signal.reason;
      if (result.exitCode === 0) return;
      const stderr = result.stderr;
      if (result.exitCode === 255 || result.exitCode === 12 || result.exitCode === 30) {
        const fault = classifyTransportFault(stderr);
        if (fault.kind === "lost") throw new RemoteUnreachable(this.description, `the transfer was cut: ${fault.reason}; run the same command again, it resumes`);
        throw this.faultError(fault);
      }
      // 23, 24: some files could not be read or vanished. 11: the local disk is full or not writable.
      throw new UserError(`${this.description}: rsync ended with exit code ${result.exitCode ?? "none"}: ${stderr.trim()}`, {
        code: "transfer-failed",
        next: ["run the same command again: what has arrived is kept"],
      });
    });
  }

  private faultError(fault: Exclude<ReturnType<typeof classifyTransportFault>, { kind: "lost" }>): Error {
    switch (fault.kind) {
      case "host-key-changed":
        return new UserError(
          `${this.description}: ${fault.reason}. Either this is another machine, or somebody stands in between; nothing was sent.`,
          {
            code: "host-key-changed",
            next: [
              "look at the instance in the vendor's console: was it rebuilt, or its address given to another machine?",
              `if the new key is right: ssh-keygen -R ${this.target.hostKeyAlias} -f '${this.target.knownHostsPath}', then the same command again`,
            ],
          },
        );
      case "denied":
        if (this.target.keyPath === null) {
          return new UserError(`${this.description} refused your SSH keys (${fault.reason}); one that it accepts must be offered by your ssh, or be named: for a run's machine holdfast recover RUN --key FILE, for a shared store custody.keyFile.`, {
            code: "ssh-denied", next: [`ssh -p ${this.target.port} ${this.description.replace(/:\d+$/, "")} (must work without a question)`],
          });
        }
        return new UserError(`${this.description} refused the run's key: ${fault.reason}.`, {
          code: "ssh-denied",
          next: [`check that ${this.target.keyPath} is the key the instance was launched with (holdfast doctor)`],
        });
      case "no-connection":
        return new RemoteUnreachable(this.description, fault.reason);
      default:
        return fault satisfies never;
    }
  }

  /** Tries again, with growing pauses, only what never opened a session. */
  private async connected<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof RemoteUnreachable) || attempt >= this.attempts) throw error;
        await this.clock.sleep(500 * 2 ** (attempt - 1));
      }
    }
  }
}
