/** The calls of Lambda's API that Holdfast makes, typed and paced. https://docs.lambda.ai/api/cloud */
import { z } from "zod";
import type { Clock } from "../../../custody/clock";
import type { HttpClient, HttpOptions, Method, RequestOptions } from "../../http";
import { createHttpClient, HttpFailure, redact } from "../../http";
import { errorOfBody, errorOfFailure, errorOfResponse, isLambdaError } from "./errors";
import type { Endpoint } from "../endpoint";
import type { Pace } from "./pace";
import type {
  AddSshKeyRequest,
  CreateFilesystemRequest,
  CreateFirewallRulesetRequest,
  Filesystem,
  FirewallRule,
  FirewallRuleset,
  Image,
  Instance,
  LaunchRequest,
  OfferedType,
  Region,
  SshKey,
} from "./types";
import { filesystemSchema, firewallRulesetSchema, imageSchema, instanceSchema, instanceTypesSchema, regionSchema, sshKeySchema } from "./types";

/**
 * Every method throws LambdaError. `get...` resolves to null for what the API says does not exist; since it has been
 * seen to say so by mistake, one null is not a proof (see gone.ts).
 */
export interface LambdaClient {
  listInstances(): Promise<Instance[]>;
  getInstance(id: string): Promise<Instance | null>;
  /** Never repeated. A LambdaError "ambiguous" means that an instance may exist: look for its name. */
  launch(request: LaunchRequest, options?: Pick<RequestOptions, "beforeSend">): Promise<readonly string[]>;
  terminate(ids: readonly string[]): Promise<Instance[]>;
  restart(ids: readonly string[]): Promise<Instance[]>;
  renameInstance(id: string, name: string): Promise<Instance>;
  listInstanceTypes(): Promise<OfferedType[]>;
  listSshKeys(): Promise<SshKey[]>;
  /** Only with a public key of our own: a key pair made by the vendor would travel through the answer. */
  addSshKey(request: Required<Pick<AddSshKeyRequest, "name" | "public_key">>): Promise<SshKey>;
  deleteSshKey(id: string): Promise<void>;
  listFilesystems(): Promise<Filesystem[]>;
  createFilesystem(request: CreateFilesystemRequest): Promise<Filesystem>;
  deleteFilesystem(id: string): Promise<void>;
  listImages(): Promise<Image[]>;
  listRegions(): Promise<Region[]>;
  listFirewallRulesets(): Promise<FirewallRuleset[]>;
  getFirewallRuleset(id: string): Promise<FirewallRuleset | null>;
  createFirewallRuleset(request: CreateFirewallRulesetRequest): Promise<FirewallRuleset>;
  updateFirewallRuleset(id: string, change: { readonly name?: string; readonly rules?: FirewallRule[] }): Promise<FirewallRuleset>;
  deleteFirewallRuleset(id: string): Promise<void>;
}

export interface LambdaClientOptions extends Pick<HttpOptions, "transport" | "fault"> {
  readonly clock: Clock;
  readonly pace: Pace;
}

/** Values of these fields never reach a message or a log. */
export const secretFields = ["jupyter_token", "jupyter_url", "private_key", "user_data", "api_key", "authorization"] as const;

const launchPath = "/instance-operations/launch";

export function createLambdaClient(endpoint: Pick<Endpoint, "baseUrl" | "apiKey" | "timeScale">, options: LambdaClientOptions): LambdaClient {
  const scaled = (seconds: number, leastSeconds: number): number => Math.max(seconds / endpoint.timeScale, leastSeconds) * 1000;
  const http: HttpClient = createHttpClient({
    baseUrl: endpoint.baseUrl,
    headers: { authorization: `Bearer ${endpoint.apiKey}` },
    clock: options.clock,
    pace: ({ method, path }) => options.pace.wait(method === "POST" && path === launchPath ? "launch" : "request"),
    retry: { retries: 4, firstDelayMilliseconds: scaled(2, 0), maxDelayMilliseconds: scaled(15, 0) },
    timeoutMilliseconds: scaled(60, 15),
    ...(options.transport === undefined ? {} : { transport: options.transport }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
  });
  const redacted = (text: string): string => redact(text, { values: [endpoint.apiKey], fields: secretFields });

  async function call<Schema extends z.ZodType>(method: Method, path: string, schema: Schema, body?: unknown, request: RequestOptions = {}): Promise<z.output<Schema>> {
    const response = await http.request(method, path, { ...request, body }).catch((error: unknown) => {
      throw error instanceof HttpFailure ? errorOfFailure(method, error, redacted) : error;
    });
    if (response.status < 200 || response.status > 299) throw errorOfResponse(method, path, response, redacted);
    // Deletions once had no body at all.
    if (response.empty && method === "DELETE") return schema.parse({});
    const data = (response.json as { data?: unknown } | null | undefined)?.data;
    if (data === undefined) throw errorOfBody(method, path, response.status, "it has no `data`");
    const decoded = schema.safeParse(data);
    if (!decoded.success) throw errorOfBody(method, path, response.status, describe(decoded.error));
    return decoded.data;
  }

  async function remove(path: string): Promise<void> {
    await call("DELETE", path, z.unknown());
  }

  async function orNull<T>(found: Promise<T>): Promise<T | null> {
    try {
      return await found;
    } catch (error) {
      if (isLambdaError(error, "not-found")) return null;
      throw error;
    }
  }

  return {
    listInstances: () => call("GET", "/instances", z.array(instanceSchema)),
    getInstance: (id) => orNull(call("GET", `/instances/${encodeURIComponent(id)}`, instanceSchema)),
    // Launches have taken 9 s when all was well; 120 s is what long-lived clients of this API allow.
    launch: async (request, options) =>
      (await call("POST", launchPath, z.object({ instance_ids: z.array(z.string()).min(1) }), request, { ...options, timeoutMilliseconds: scaled(120, 20) })).instance_ids,
    terminate: async (ids) => (await call("POST", "/instance-operations/terminate", z.object({ terminated_instances: z.array(instanceSchema) }), { instance_ids: ids })).terminated_instances,
    restart: async (ids) => (await call("POST", "/instance-operations/restart", z.object({ restarted_instances: z.array(instanceSchema) }), { instance_ids: ids })).restarted_instances,
    renameInstance: (id, name) => call("POST", `/instances/${encodeURIComponent(id)}`, instanceSchema, { name }),
    listInstanceTypes: async () =>
      Object.values(await call("GET", "/instance-types", instanceTypesSchema)).map((item) => ({
        type: item.instance_type,
        regions: item.regions_with_capacity_available.map((region) => region.name),
      })),
    listSshKeys: () => call("GET", "/ssh-keys", z.array(sshKeySchema)),
    addSshKey: (request) => call("POST", "/ssh-keys", sshKeySchema, request),
    deleteSshKey: (id) => remove(`/ssh-keys/${encodeURIComponent(id)}`),
    // Listed with a hyphen, created and deleted without one; POST with the hyphen is a 405.
    listFilesystems: () => call("GET", "/file-systems", z.array(filesystemSchema)),
    createFilesystem: (request) => call("POST", "/filesystems", filesystemSchema, request),
    deleteFilesystem: (id) => remove(`/filesystems/${encodeURIComponent(id)}`),
    listImages: () => call("GET", "/images", z.array(imageSchema)),
    listRegions: () => call("GET", "/regions", z.array(regionSchema)),
    listFirewallRulesets: () => call("GET", "/firewall-rulesets", z.array(firewallRulesetSchema)),
    getFirewallRuleset: (id) => orNull(call("GET", `/firewall-rulesets/${encodeURIComponent(id)}`, firewallRulesetSchema)),
    createFirewallRuleset: (request) => call("POST", "/firewall-rulesets", firewallRulesetSchema, request),
    updateFirewallRuleset: (id, change) => call("PATCH", `/firewall-rulesets/${encodeURIComponent(id)}`, firewallRulesetSchema, change),
    deleteFirewallRuleset: (id) => remove(`/firewall-rulesets/${encodeURIComponent(id)}`),
  };
}

/** Paths and kinds of the first problems; never the values, which may be logins. */
const describe = (error: z.ZodError): string =>
  error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "data"}: ${issue.code}`)
    .join("; ");
