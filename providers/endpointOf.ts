/** Which API a stack's config names, and whether one that somebody else wrote down is that one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { JudgeEndpoint } from "../custody";
import type { EndpointRef } from "../custody/formats";
import { UserError } from "../custody/userError";
import { LAMBDA_API, parseStackConfig, PROVISIONED, type StackConfig } from "../profiles";

/** Of what nobody can be asked about: a platform that is not provisioned, a machine adopted by its address. No key is ever sent to it. */
export const NO_API = "none";

/** The endpoint of a run with this config. What cannot be provisioned has no API to be asked. */
export function endpointOf(config: StackConfig): EndpointRef {
  const platform = PROVISIONED.find((known) => known === config.platform);
  return { platform: config.platform, ...(platform === undefined ? { api: NO_API } : endpoints[platform](config)) };
}

/** Each platform reads its own block; adding a platform adds a line. */
const endpoints: Readonly<Record<(typeof PROVISIONED)[number], (config: StackConfig) => Omit<EndpointRef, "platform">>> = {
  lambda: ({ lambda: { endpoint, keyFile, sshPort } }) => ({ api: endpoint, ...(keyFile === null ? {} : { keyFile }), ...(sshPort === null ? {} : { sshPort }) }),
};

/**
 * Judges the endpoints that a copied ledger names: the account's key goes where they say, and a key file is read and sent. Allowed are
 * those of the stack's own config, the sandbox, no API at all, and the vendors' production addresses. Reads Pulumi.<stack>.yaml only.
 */
export function ownEndpoints(projectRoot: string, stack: string): JudgeEndpoint {
  const own = namedIn(projectRoot, stack);
  const known = new Set(["sandbox", NO_API, ...PRODUCTION, ...(own.api === null ? [] : [own.api])].map(plain));
  return ({ api, keyFile }) => {
    const says = own.api === null ? `Pulumi.${stack}.yaml names none` : `Pulumi.${stack}.yaml says ${own.api}`;
    if (!known.has(plain(api))) return `the API ${api}, and ${says}; the account's key would be sent there`;
    if (keyFile !== undefined && keyFile !== own.keyFile) return `the key file ${keyFile}, which Pulumi.${stack}.yaml does not name; it would be read and sent to ${api}`;
    return null;
  };
}

/** Where the vendors themselves answer: a key sent there is with whom it belongs to. */
const PRODUCTION: readonly string[] = [LAMBDA_API];

const plain = (api: string): string => api.replace(/\/+$/, "");

/** The endpoint of a stack, from Pulumi.<stack>.yaml. Throws UserError or ConfigError. */
export function configuredEndpoint(projectRoot: string, stack: string): EndpointRef {
  const path = join(projectRoot, `Pulumi.${stack}.yaml`);
  if (!existsSync(path)) throw new UserError(`There is no ${path}, so nobody knows whose API to ask.`, { code: "not-found", next: ["restore it: it is committed with the project"] });
  return endpointOf(parseStackConfig(blocksIn(path), `Pulumi.${stack}.yaml`));
}

/** Only these two values, so that a fault elsewhere in the config does not stand in the way of a recovery. */
function namedIn(projectRoot: string, stack: string): { api: string | null; keyFile: string | undefined } {
  const path = join(projectRoot, `Pulumi.${stack}.yaml`);
  if (!existsSync(path)) return { api: null, keyFile: undefined };
  const blocks = blocksIn(path);
  const block = blocks[String(blocks["platform"])] as { endpoint?: unknown; keyFile?: unknown } | undefined;
  return { api: typeof block?.endpoint === "string" ? block.endpoint : null, keyFile: typeof block?.keyFile === "string" ? block.keyFile : undefined };
}

/** The namespace's keys without their prefix. */
function blocksIn(path: string): Record<string, unknown> {
  const config = (parseDocument(readFileSync(path, "utf8")).toJS() as { config?: Record<string, unknown> } | null)?.config ?? {};
  return Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith("holdfast:")).map(([key, value]) => [key.slice("holdfast:".length), value]));
}
