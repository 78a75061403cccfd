// The bodies that Lambda accepts, as the contract document writes them. Unknown fields are let through, as there.
import { z } from "zod";
import { invalidParameters } from "./errors.js";

const mount = z.looseObject({
  mount_point: z
    .string()
    .max(256)
    .regex(/^(\/home|\/lambda\/nfs|\/data)[//a-zA-Z0-9-]*$/),
  file_system_id: z.string(),
});

const tag = z.looseObject({
  key: z
    .string()
    .max(55)
    .regex(/^[a-z][a-z0-9-:]+$/)
    .refine((key) => !key.startsWith("lambda-ai-"), "The prefix 'lambda-ai-' is reserved"),
  value: z.string().max(128),
});

/** "cannot exceed 1MB": the smaller reading. */
const maxUserDataBytes = 1_000_000;

export const launchBody = z.looseObject({
  region_name: z.string(),
  instance_type_name: z.string(),
  ssh_key_names: z.array(z.string()).length(1, "Exactly one SSH key must be specified"),
  file_system_names: z.array(z.string()).optional(),
  file_system_mounts: z.array(mount).optional(),
  hostname: z
    .string()
    .regex(/^[a-z0-9][0-9a-z-]{0,62}$/)
    .optional(),
  name: z.string().max(64).optional(),
  image: z.union([z.looseObject({ id: z.string() }), z.looseObject({ family: z.string() })]).optional(),
  user_data: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= maxUserDataBytes, "user_data cannot exceed 1MB")
    .optional(),
  tags: z.array(tag).optional(),
  firewall_rulesets: z.array(z.looseObject({ id: z.string() })).optional(),
  /** Undocumented leftover: 1 is accepted live. */
  quantity: z.number().int().min(1).optional(),
});
export type LaunchBody = z.output<typeof launchBody>;

export const instanceIdsBody = z.looseObject({ instance_ids: z.array(z.string()).min(1) });
export const renameBody = z.looseObject({ name: z.string().max(64).optional() });
export const fileSystemBody = z.looseObject({
  name: z
    .string()
    .min(1)
    .max(60)
    .regex(/^[a-zA-Z]+[0-9a-zA-Z-]*$/),
  region: z.string(),
});
export const sshKeyBody = z.looseObject({ name: z.string().min(1).max(64), public_key: z.string().min(1).max(4096).optional() });

const octet = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const ipv4Network = new RegExp(`^${octet}(\\.${octet}){3}(/(3[0-2]|[12]?\\d))?$`);

export const firewallRule = z
  .object({
    protocol: z.enum(["tcp", "udp", "icmp", "all"]),
    port_range: z.tuple([z.number().int().min(1).max(65535), z.number().int().min(1).max(65535)]).optional(),
    source_network: z.string().regex(ipv4Network, "Input should be a valid IPv4 network"),
    description: z.string().max(128),
  })
  .superRefine((rule, context) => {
    const [from, to] = rule.port_range ?? [];
    if (rule.protocol === "icmp" && rule.port_range) context.addIssue({ code: "custom", path: ["port_range"], message: "port_range is not allowed for icmp" });
    if (rule.protocol !== "icmp" && !rule.port_range) context.addIssue({ code: "custom", path: ["port_range"], message: "port_range is required" });
    if (from !== undefined && to !== undefined && from > to) context.addIssue({ code: "custom", path: ["port_range"], message: "port_range is [min, max]" });
  })
  // A bare address means itself only.
  .transform((rule) => ({ ...rule, source_network: rule.source_network.includes("/") ? rule.source_network : `${rule.source_network}/32` }));
export type FirewallRule = z.output<typeof firewallRule>;

export const firewallRulesBody = z.looseObject({ data: z.array(firewallRule) });
export const rulesetBody = z.looseObject({ name: z.string().max(64), region: z.string(), rules: z.array(firewallRule) });
export const rulesetPatchBody = z.looseObject({ name: z.string().max(64).optional(), rules: z.array(firewallRule).optional() });
export const globalRulesetPatchBody = z.looseObject({ rules: z.array(firewallRule).optional() });

/** Throws invalid-parameters naming the first wrong place, in the words the vendor uses. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  throw invalidParameters(place === "" ? `Error in request body: ${issue?.message}` : `Error in request body at '${place}': ${issue?.message}`);
}

/** The 32-hex form of an id; throws invalid-parameters for anything that is not a UUID. */
export function parseId(text: string, place: string): string {
  const simple = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ? text.replaceAll("-", "") : text;
  if (/^[0-9a-f]{32}$/i.test(simple)) return simple.toLowerCase();
  const why =
    simple.length === 32 ? "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]" : `invalid length: expected length 32 for simple format, found ${text.length}`;
  throw invalidParameters(`Error in ${place}: Input should be a valid UUID, ${why}`);
}
