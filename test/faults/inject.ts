/**
 * Preloaded (`node --require`) into every Node process of a command under test: wraps the four places through which all I/O
 * goes, names each passage, and lets the one asked for go wrong. Nothing in the product knows of it.
 */
import { execFile } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../custody/clock";
import type { durableWrites, WriteStep } from "../../custody/disk/files";
import type { Remote } from "../../custody/remote";
import type { HttpFailure, Transport } from "../../providers/httpTransport";
import type { openSshRemote } from "../../providers/ssh/remote";
import type { FaultKind, FaultPoint, Phase, Role } from "./point";
import { formatPoint } from "./point";

/** Set by the harness: the command in progress, where passages are noted, the point and kind of the fault, and the mark that it struck. */
export const variables = {
  phase: "HOLDFAST_TEST_FAULT_PHASE",
  record: "HOLDFAST_TEST_FAULT_RECORD",
  point: "HOLDFAST_TEST_FAULT_POINT",
  kind: "HOLDFAST_TEST_FAULT_KIND",
  struck: "HOLDFAST_TEST_FAULT_STRUCK",
  /** Share of requests (0 to 1) that are answered 429 without reaching the vendor. */
  busy: "HOLDFAST_TEST_FAULT_BUSY",
} as const;

const phase = process.env[variables.phase] as Phase | undefined;
const role = roleOf(process.argv[1] ?? "");
if (phase !== undefined && role !== null) wrapAll(phase, role);

function roleOf(script: string): Role | null {
  if (/@pulumi\/pulumi\/cmd\/run(\/index\.js)?$/.test(script)) return "program";
  if (/@pulumi\/pulumi\/cmd\/dynamic-provider(\/index\.js)?$/.test(script)) return "provider";
  return /\/dist\/cli\/main\.js$/.test(script) ? "command" : null;
}

function wrapAll(during: Phase, as: Role): void {
  const passages = new Map<string, number>();

  /** Notes the passage; ends the process, or throws what `failure` makes, when this is the point asked for. True: the server is to be restarted. */
  const pass = (action: string, edge: FaultPoint["edge"], nth: number, failure: () => Error): boolean => {
    const point = formatPoint({ phase: during, role: as, action, nth, edge });
    const record = process.env[variables.record];
    if (record !== undefined) appendFileSync(record, `${point}\n`);
    if (process.env[variables.point] !== point || !strikesFirst()) return false;
    return strike(process.env[variables.kind] as FaultKind, failure);
  };
  const enter = (action: string): number => {
    const nth = (passages.get(action) ?? 0) + 1;
    passages.set(action, nth);
    return nth;
  };
  const around = async <T>(action: string, failure: () => Error, run: () => Promise<T>): Promise<T> => {
    const nth = enter(action);
    const restarts = pass(action, "before", nth, failure);
    const running = run();
    if (restarts) {
      // The failure belongs to whoever awaits `running`, a moment later.
      running.catch(() => undefined);
      await restartVendor();
    }
    const result = await running;
    pass(action, "after", nth, failure);
    return result;
  };

  /* eslint-disable @typescript-eslint/no-require-imports -- patched in place: an import cannot be assigned to */
  const transport = require("../../providers/httpTransport") as { systemTransport: Transport; HttpFailure: typeof HttpFailure };
  const ssh = require("../../providers/ssh/remote") as { openSshRemote: typeof openSshRemote };
  const { RemoteUnreachable } = require("../../custody/remote") as typeof import("../../custody/remote");
  const disk = require("../../custody/disk/files") as { durableWrites: typeof durableWrites };
  const { systemClock } = require("../../custody/clock") as { systemClock: { sleep: Clock["sleep"] } };
  /* eslint-enable @typescript-eslint/no-require-imports */

  const send = transport.systemTransport;
  transport.systemTransport = (request) =>
    around(
      `http ${request.method} ${anonymous(new URL(request.url).pathname)}`,
      () => new transport.HttpFailure("connection", true, `${request.method}: the connection broke before the answer was complete (a fault of the test).`),
      () => (Math.random() < Number(process.env[variables.busy] ?? 0) ? Promise.resolve(tooMany) : send(request)),
    );

  const open = ssh.openSshRemote;
  ssh.openSshRemote = (...args) => {
    const remote = open(...args);
    const cut = (): Error => new RemoteUnreachable(remote.description, "the connection was cut (a fault of the test)");
    const wrapped: Remote = {
      description: remote.description,
      exec: (argv, options) => around(`ssh ${programOf(argv)}`, cut, () => remote.exec(argv, options)),
      pull: (from, to, options) => around("ssh rsync-pull", cut, () => remote.pull(from, to, options)),
      push: (from, to, options) => around(`ssh rsync-push ${anonymous(basename(to))}`, cut, () => remote.push(from, to, options)),
      send: (...words) => around("ssh rsync-send", cut, () => remote.send(...words)),
      write: (path, content, mode) => around(`ssh write ${anonymous(basename(path))}`, cut, () => remote.write(path, content, mode)),
      close: () => remote.close(),
    };
    return wrapped;
  };

  disk.durableWrites.beforeStep = ({ operation, path }: WriteStep) => {
    const action = `disk ${operation} ${anonymous(basename(path))}`;
    pass(action, "before", enter(action), () => Object.assign(new Error("ENOSPC: no space left on device (a fault of the test)"), { code: "ENOSPC" }));
  };

  const sleep = systemClock.sleep;
  systemClock.sleep = (milliseconds, signal) => around("clock sleep", () => new Error("unreachable"), () => sleep(milliseconds, signal));
}

const tooMany = { status: 429, headers: {}, body: JSON.stringify({ error: { code: "global/too-many-requests", message: "Too many requests (a fault of the test).", suggestion: null } }) };

/** One fault per life, whichever process gets there first. */
function strikesFirst(): boolean {
  try {
    closeSync(openSync(process.env[variables.struck] ?? "", "wx"));
    return true;
  } catch {
    return false;
  }
}

function strike(kind: FaultKind, failure: () => Error): boolean {
  switch (kind) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return false;
    case "engine": {
      const engine = ancestorNamed("pulumi");
      if (engine === null) throw new Error("no engine above this provider");
      process.kill(engine, "SIGKILL");
      return false;
    }
    case "error":
      throw failure();
    case "restart":
      return true;
    default:
      return kind satisfies never;
  }
}

/** SIGKILL to the sandbox's daemon as soon as the request is on its way, then a new one; instances live on. */
async function restartVendor(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3));
  const { pid } = JSON.parse(readFileSync(join(process.env["HOLDFAST_SANDBOX_DIR"] ?? "", "daemon.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  const { NODE_OPTIONS: _, ...environment } = process.env;
  await promisify(execFile)(process.execPath, [join(__dirname, "..", "..", "cli", "main.js"), "sandbox", "start"], { env: environment });
}

function ancestorNamed(name: string): number | null {
  for (let pid = process.ppid; pid > 1; ) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (new RegExp(`^Name:\\s+${name}$`, "m").test(status)) return pid;
    pid = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  return null;
}

/** Ids, hashes and process numbers differ from life to life; what an action is does not. */
function anonymous(text: string): string {
  return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}/g, "*").replace(/\d{4}-\d\d-\d\dT[\d:.-]+Z?/g, "*").replace(/([-_.])\d+(?=[-_.]|$)/g, "$1*");
}

function programOf(argv: readonly string[]): string {
  const script = argv.find((word) => word.endsWith(".sh"));
  return anonymous(script === undefined ? basename(argv[0] ?? "") : basename(script));
}
