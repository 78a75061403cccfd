/** A forwarded port that comes back when its connection was lost, within bounds, and ends with Ctrl-C without a trace. */
import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { Clock } from "../../custody/clock";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { classifyTransportFault } from "../../providers/ssh/outcome";
import type { PortForward } from "../../providers/ssh/remote";
import { forwardIsOpen } from "../../providers/ssh/remote";
import { Interrupted } from "../exitCodes";

export interface ForwardOptions {
  /** argv as the ledger knows the machine now; null when none stands any more. */
  readonly commandLine: () => readonly string[] | null;
  readonly ports: PortForward;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly onOpen: (again: boolean) => void;
  readonly onNote: (text: string) => void;
}

/** Connections in a row that did not open, or not again. */
const attempts = 8;
const longestPauseSeconds = 30;

/** Resolves when the signal ends it. Throws RemoteUnreachable after bounded tries, UserError when it cannot work. */
export async function keepForwarding(options: ForwardOptions): Promise<void> {
  const seen = { everOpen: false, failures: 0 };
  for (;;) {
    const line = options.commandLine();
    if (line === null) throw new UserError("The run's machine is gone.", { code: "no-machine", next: ["holdfast ls"] });
    const ended = await forwardOnce(line, options, () => {
      options.onOpen(seen.everOpen);
      seen.everOpen = true;
      seen.failures = 0;
    });
    if (options.signal.aborted) return;
    const fault = classifyTransportFault(ended);
    seen.failures += 1;
    if (fault.kind === "denied" || fault.kind === "host-key-changed" || /Address already in use|cannot listen to port|Could not request local forwarding/i.test(ended)) {
      throw new UserError(`The tunnel cannot be opened: ${/Address already in use/i.test(ended) ? `port ${options.ports.local} of this computer is taken` : fault.reason}.`, { code: fault.kind === "host-key-changed" ? "host-key-changed" : "usage", next: ["holdfast ssh (says more)"] });
    }
    if (seen.failures >= attempts) throw new RemoteUnreachable("the machine", fault.reason);
    if (seen.failures === 1) options.onNote(`The connection ${seen.everOpen ? "was lost" : "did not open"} (${fault.reason}); trying again.`);
    try {
      await options.clock.sleep(Math.min(longestPauseSeconds, 2 ** (seen.failures - 1)) * 1000, options.signal);
    } catch (error) {
      if (error instanceof Interrupted) return;
      throw error;
    }
  }
}

/** One ssh from start to end; resolves with what it said on stderr. */
async function forwardOnce([program = "ssh", ...args]: readonly string[], { ports, signal, onNote }: ForwardOptions, onOpen: () => void): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const end = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  // Nobody else would end it, and the port would stay open.
  const endings = (["SIGTERM", "SIGHUP"] as const).map((name) => [name, () => { end(); process.exit(name === "SIGTERM" ? 143 : 129); }] as const);
  for (const [name, leave] of endings) process.once(name, leave);
  let said = "";
  let refused = false;
  createInterface({ input: child.stderr }).on("line", (line) => {
    said = `${said}${line}\n`.slice(-4000);
    // channel 2: open failed: connect failed: Connection refused
    if (/open failed: .*refused/i.test(line) && !refused) {
      refused = true;
      onNote(`Nothing listens on port ${ports.remote} of the machine; the tunnel stays open until something does.`);
    }
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line !== forwardIsOpen) return;
    onOpen();
    touch(ports.local);
  });
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", () => {
      signal.removeEventListener("abort", end);
      for (const [name, leave] of endings) process.removeListener(name, leave);
      done(said);
    });
  });
}

/** A connection that is closed at once: whether anything listens over there is said before a person opens the page. */
function touch(port: number): void {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("connect", () => socket.end());
  socket.on("error", () => undefined);
  socket.setTimeout(5000, () => socket.destroy());
}

export async function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
