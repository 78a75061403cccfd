// How a client finds a running daemon: the descriptor in the state directory, and whether what it names still answers.
import { readFileSync } from "node:fs";
import type { Layout } from "./layout.js";
import { isAlive } from "./process/identity.js";

export interface SandboxDescriptor {
  readonly v: 1;
  readonly pid: number;
  readonly startTicks: number;
  /** Base URL of Lambda's API, e.g. `http://127.0.0.1:PORT/api/v1`. */
  readonly url: string;
  readonly adminUrl: string;
  /** File (0600) that holds the API key, which is also the admin token. */
  readonly apiKeyFile: string;
  /** Port of every instance's sshd; each has its own address. */
  readonly sshPort: number;
  /** Vendor seconds per real second when the daemon started. */
  readonly timeScale: number;
}

export function readDescriptor(layout: Layout): SandboxDescriptor | undefined {
  try {
    const parsed = JSON.parse(readFileSync(layout.descriptor, "utf8")) as { v: unknown };
    return parsed.v === 1 ? (parsed as SandboxDescriptor) : undefined;
  } catch {
    return undefined;
  }
}

/** The descriptor of a daemon whose process lives and answers; undefined otherwise. */
export async function findDaemon(layout: Layout): Promise<SandboxDescriptor | undefined> {
  const descriptor = readDescriptor(layout);
  if (!descriptor || !isAlive(descriptor)) return undefined;
  const answer = await askAdmin(descriptor, "GET", "/knobs").catch(() => undefined);
  return answer?.ok ? descriptor : undefined;
}

/** One request to the side door of a running daemon. */
export async function askAdmin(descriptor: SandboxDescriptor, method: string, path: string, body?: unknown): Promise<Response> {
  const token = readFileSync(descriptor.apiKeyFile, "utf8").trim();
  return fetch(`${descriptor.adminUrl}${path}`, {
    method,
    headers: { "x-sandbox-token": token, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
}
