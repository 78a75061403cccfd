/**
 * How people hear of an event: a webhook, commands with the event on their stdin, the desktop. Each channel gets each event once;
 * one that fails is tried again at the next passes, within bounds. A process that dies between sending and writing down that it
 * sent sends again, under the same id.
 */
import { execa } from "execa";
import { existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Clock } from "../../custody/clock";
import { UserError } from "../../custody/userError";
import type { KeeperConfig } from "../../profiles/input/keeperConfig";
import { createHttpClient, HttpFailure } from "../../providers/http";
import type { KeeperEvent } from "./events";
import type { KeeperMemory, Pending } from "./memory";

export interface Channel {
  /** Stable; never a secret. */
  readonly name: string;
  readonly wants: (event: KeeperEvent) => boolean;
  /** Throws Error with a sentence that holds no secret. */
  readonly send: (event: KeeperEvent) => Promise<void>;
}

export interface ChannelOptions {
  readonly config: Pick<KeeperConfig, "webhook" | "hooks">;
  readonly projectRoot: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/** Passes in which a channel is tried for one event before it is given up. */
const passesPerChannel = 20;
/** Within one pass. */
const attemptsPerPass = 3;

/** Throws UserError for a webhook that is configured and cannot be used. */
export function channelsOf(options: ChannelOptions): Channel[] {
  const { config, env } = options;
  const url = webhookUrl(options);
  return [
    ...(url === null ? [] : [webhook(url, options.clock)]),
    ...config.hooks.map((argv) => hook(argv, options)),
    ...(hasDesktop(env) ? [desktop(env)] : []),
  ];
}

/** Tells every channel what it was not told yet. Returns what went wrong, for a person; throws nothing. */
export async function deliver(memory: KeeperMemory, channels: readonly Channel[]): Promise<string[]> {
  const faults: string[] = [];
  const failing = new Set<string>();
  for (const pending of [...memory.state.pending]) {
    for (const channel of channels) {
      if (failing.has(channel.name) || isDone(pending, channel)) continue;
      try {
        await channel.send(pending.event);
        pending.delivered.push(channel.name);
      } catch (error) {
        // One channel that is down is asked once per pass, not once per event.
        failing.add(channel.name);
        faults.push(`${channel.name}: ${error instanceof Error ? error.message : String(error)}`);
        pending.tries[channel.name] = (pending.tries[channel.name] ?? 0) + 1;
      }
      memory.save();
    }
    if (channels.every((channel) => isDone(pending, channel))) memory.settle(pending);
  }
  return faults;
}

const isDone = ({ event, delivered, tries }: Pending, channel: Channel): boolean =>
  !channel.wants(event) || delivered.includes(channel.name) || (tries[channel.name] ?? 0) >= passesPerChannel;

function webhookUrl({ config, projectRoot, env }: ChannelOptions): URL | null {
  const { webhook: where } = config;
  if (where === null) return null;
  const text = "env" in where ? env[where.env] : readUrlFile(isAbsolute(where.file) ? where.file : join(projectRoot, where.file));
  const source = "env" in where ? `The environment variable ${where.env}` : `The file ${where.file}`;
  if (text === undefined || text.trim() === "") throw new UserError(`${source}, which keeper.webhook names, holds no URL.`, { code: "config", next: ["env" in where ? `export ${where.env}=https://...` : `write the URL into ${where.file}, mode 0600`] });
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  const loopback = url !== null && (url.hostname === "localhost" || url.hostname === "[::1]" || url.hostname.startsWith("127."));
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && loopback))) throw new UserError(`${source}, which keeper.webhook names, holds no https URL.`, { code: "config" });
  return url;
}

function readUrlFile(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  if ((statSync(path).mode & 0o077) !== 0) throw new UserError(`The webhook's file ${path} can be read by others, and its URL may hold a token.`, { code: "key-exposed", next: [`chmod 600 ${path}`] });
  return readFileSync(path, "utf8");
}

function webhook(url: URL, clock: Clock): Channel {
  const client = createHttpClient({ baseUrl: url.origin, headers: {}, clock, timeoutMilliseconds: 15_000, maxBytes: 1 << 20 });
  return {
    name: "webhook",
    wants: () => true,
    async send(event) {
      for (let attempt = 1; ; attempt += 1) {
        const why = await post(event);
        if (why === null) return;
        // Its path often holds a token, so only the host is named.
        if (attempt === attemptsPerPass || why.final) throw new Error(`${url.host} ${why.text}`);
        await clock.sleep(1000 * 2 ** attempt);
      }
    },
  };

  async function post(event: KeeperEvent): Promise<{ text: string; final: boolean } | null> {
    try {
      const { status } = await client.request("POST", `${url.pathname}${url.search}`, { body: event });
      if (status >= 200 && status <= 299) return null;
      return { text: `answered ${status}`, final: status !== 429 && status < 500 };
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      return { text: { "not-connected": "cannot be reached", timeout: "did not answer in time", connection: "ended the connection", "too-large": "answered too much", redirect: "answered with a redirect" }[error.reason], final: error.reason === "redirect" };
    }
  }
}

function hook(argv: readonly string[], { projectRoot, env }: ChannelOptions): Channel {
  const [program = "", ...args] = argv;
  return {
    name: `hook ${argv.join(" ")}`,
    wants: () => true,
    async send(event) {
      const result = await execa(program, args, { cwd: projectRoot, env, extendEnv: false, input: `${JSON.stringify(event)}\n`, timeout: 60_000, reject: false, stdout: "ignore", stderr: "pipe", maxBuffer: 1 << 16 });
      if (result.exitCode !== 0) throw new Error(result.timedOut ? "did not end within 60 s" : `ended with ${result.exitCode ?? result.code ?? "a signal"}: ${result.stderr.trim().split("\n").at(-1) ?? ""}`);
    },
  };
}

/** Someone sits at this computer, and it can show them something. */
export function hasDesktop(env: NodeJS.ProcessEnv): boolean {
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return false;
  return (env.PATH ?? "").split(delimiter).some((folder) => folder !== "" && existsSync(join(folder, "notify-send")));
}

function desktop(env: NodeJS.ProcessEnv): Channel {
  return {
    name: "desktop",
    wants: ({ severity, kind }) => severity !== "info" || kind === "run.finished" || kind === "run.ended",
    async send({ severity, title, message }) {
      const urgency = severity === "urgent" ? "critical" : "normal";
      const result = await execa("notify-send", ["--app-name=holdfast", `--urgency=${urgency}`, "--", title, message], { env, extendEnv: false, timeout: 10_000, reject: false, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
      if (result.exitCode !== 0) throw new Error("notify-send failed");
    },
  };
}
