/** Where Lambda's API is and with which key: production, another URL, or the embedded sandbox. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { EndpointRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { SandboxStart } from "./sandboxDaemon";
import { shellWord } from "../ssh/outcome";
import { ensureSandbox } from "./sandboxDaemon";

export const productionUrl = "https://cloud.lambda.ai/api/v1";

export interface Endpoint {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** Secret: never printed, never stored. */
  readonly apiKey: string;
  /** How a person's shell gets the same key, for commands that are shown: `$LAMBDA_API_KEY` or `$(cat 'FILE')`. */
  readonly apiKeyInShell: string;
  readonly sshPort: number;
  /** Vendor seconds per real second; 1 everywhere but in a sandbox. */
  readonly timeScale: number;
}

export interface EndpointOptions extends Partial<Pick<SandboxStart, "spawnDaemon" | "deadlineSeconds">> {
  readonly projectRoot: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly say?: (message: string) => void;
}

/**
 * Resolves a reference, starting the sandbox's daemon when it is asked for and not running. Throws UserError when there
 * is no key, when its file can be read by others, or when the sandbox does not come up.
 */
export async function resolveEndpoint(ref: EndpointRef, options: EndpointOptions): Promise<Endpoint> {
  const env = options.env ?? process.env;
  if (ref.platform !== "lambda") throw new UserError(`The endpoint's platform is "${ref.platform}", but this resource speaks Lambda's API.`);
  if (ref.api === "sandbox") {
    const sandbox = await ensureSandbox({ ...options, env });
    return {
      baseUrl: sandbox.url,
      apiKey: readKeyFile(sandbox.apiKeyFile),
      apiKeyInShell: `$(cat ${shellWord(sandbox.apiKeyFile)})`,
      sshPort: sandbox.sshPort,
      timeScale: sandbox.timeScale,
    };
  }
  const keyFile = ref.keyFile === undefined ? null : pathOf(ref.keyFile, options.projectRoot);
  return {
    baseUrl: apiUrl(ref.api),
    apiKey: keyFile === null ? keyFromEnvironment(env) : readKeyFile(keyFile),
    apiKeyInShell: keyFile === null ? "$LAMBDA_API_KEY" : `$(cat ${shellWord(keyFile)})`,
    sshPort: ref.sshPort ?? 22,
    timeScale: 1,
  };
}

/** https, or plain http on loopback only: the key travels in a header. Throws UserError. */
export function apiUrl(api: string): string {
  const fault = new UserError(`holdfast:lambda.endpoint is ${JSON.stringify(api)}; allowed are "sandbox", an https URL, or an http URL on loopback.`, {
    next: [`pulumi config set --path holdfast:lambda.endpoint ${productionUrl}`],
  });
  if (!URL.canParse(api)) throw fault;
  const url = new URL(api);
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d+){3}$/.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) throw fault;
  if (url.username !== "" || url.search !== "") throw fault;
  return api.replace(/\/+$/, "");
}

function keyFromEnvironment(env: NodeJS.ProcessEnv): string {
  return usableKey(env["LAMBDA_API_KEY"]?.trim() ?? "", "LAMBDA_API_KEY", [
    "export LAMBDA_API_KEY=... (make one at https://cloud.lambda.ai/api-keys)",
    "or name a file that holds it: pulumi config set --path holdfast:lambda.keyFile ~/.lambda_cloud/lambda_keys",
  ]);
}

/** A bare key, or a line `api_key = KEY` as SkyPilot writes it. Refuses a file that others can read. */
export function readKeyFile(path: string): string {
  let text: string;
  let mode: number;
  try {
    mode = statSync(path).mode & 0o777;
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(`The API key's file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"}).`, {
      next: ["write the key into it, or unset holdfast:lambda.keyFile and set LAMBDA_API_KEY"],
      cause: error,
    });
  }
  if ((mode & 0o077) !== 0) {
    throw new UserError(`The API key's file ${path} can be read by other users (mode ${mode.toString(8).padStart(4, "0")}).`, { next: [`chmod 600 ${shellWord(path)}`] });
  }
  const named = /^\s*api_key\s*=\s*"?([^"\s]+)"?\s*$/m.exec(text)?.[1];
  return usableKey(named ?? text.trim(), path, [`write nothing but the key, or a line "api_key = KEY", into ${path}`]);
}

function usableKey(key: string, source: string, next: readonly string[]): string {
  if (key === "") throw new UserError(`No Lambda API key: ${source} is empty or not set.`, { next });
  // A key travels in a header: a line break or blank in it is a copying mistake, and the header would be refused late.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UserError(`The Lambda API key in ${source} holds blanks, line breaks or characters that no key has.`, { next });
  return key;
}

function pathOf(path: string, projectRoot: string): string {
  if (path.startsWith("~/")) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(projectRoot, path);
}
