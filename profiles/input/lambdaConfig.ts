/** What only Lambda has in a stack's config: the block `lambda`. */
import { z } from "zod";
import { choice, list, section, text, wholeFrom } from "./faults";

export const LAMBDA_API = "https://cloud.lambda.ai/api/v1";

/** Loopback may be plain http: a sandbox or a recording proxy. Everything else carries a key and must be https. */
const endpoint = /^(sandbox|https:\/\/[^\s/@]+(\/\S*)?|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(\/\S*)?)$/;

const port = (allowed: string) => wholeFrom(1, allowed).max(65535, { error: allowed });

const firewallRule = section({
  protocol: choice(["tcp", "udp", "icmp", "all"]),
  /** One port or a range, 1 to 65535. Not for icmp. Example: 8888 or "8000-8100". */
  port: z.union([port("a port"), text("a port or a range such as 8000-8100", /^\d{1,5}-\d{1,5}$/)], { error: "a port or a range such as 8000-8100" }).optional(),
  /** IPv4 address or network. Example: 192.0.2.0/24. */
  source: text("an IPv4 address or network such as 192.0.2.0/24", /^(\d{1,3}\.){3}\d{1,3}(\/([0-9]|[12]\d|3[0-2]))?$/),
  description: text("up to 128 characters", /^[^\0]{0,128}$/u).default(""),
});

export const lambdaConfigSchema = section({
  /** `sandbox`, or the API's URL. Default: Lambda's production API. */
  endpoint: text("sandbox, or an https URL", endpoint).default(LAMBDA_API),
  /** A file that holds the API key. Default: null, the environment variable LAMBDA_API_KEY. Example: ~/.config/lambda/key. */
  keyFile: text("the path of a file that holds the API key, never the key itself", /^(?!secret_)[^\0\n]+$/u).nullable().default(null),
  /** Port of the instance's SSH server. Default: null, 22 (the sandbox says its own). */
  sshPort: port("a port, 1 to 65535").nullable().default(null),
  /**
   * The image, pinned by family or by id: without a pin the operating system differs between regions.
   * Default: lambda-stack-24-04. Example: lambda-stack-22-04, or {id: 00000000-0000-0000-0000-000000000000}.
   */
  image: z
    .union(
      [
        text("an image family", /^[a-z0-9][a-z0-9-]*$/).transform((family): Image => ({ family })),
        section({ family: text("an image family", /^[a-z0-9][a-z0-9-]*$/) }),
        section({ id: text("an image id", /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i) }),
      ],
      { error: "an image family such as lambda-stack-24-04, or {id: UUID}" },
    )
    .default({ family: "lambda-stack-24-04" }),
  /** Region of the instance and of storage that is created, when nothing else says one. Default: null. Example: us-east-1. */
  region: text("a region such as us-east-1", /^[a-z0-9-]+$/).nullable().default(null),
  /**
   * Inbound rules besides ICMP and SSH. A ruleset is attached at launch: adding the first rule later, or removing the last,
   * replaces the instance; other edits do not. Default: []. Example: [{protocol: tcp, port: 8888, source: 192.0.2.0/24}].
   */
  firewall: list(firewallRule, "a list of {protocol, port, source}").default([]),
});

export type Image = { readonly family: string } | { readonly id: string };
export type LambdaConfig = z.output<typeof lambdaConfigSchema>;
