/** What an operation on a Lambda resource is given: the API behind its endpoint, paced, in the vendor's time. */
import { createHash } from "node:crypto";
import type { EndpointRef, PlannedDeletion } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { RunView } from "../../custody/view";
import type { Binding, Context, Props } from "../kind";
import type { LambdaClient } from "./api/client";
import { createLambdaClient } from "./api/client";
import type { Endpoint } from "./endpoint";
import { resolveEndpoint } from "./endpoint";
import { isLambdaError } from "./api/errors";
import { createPace, paceDirectory } from "./api/pace";
import type { VendorTime } from "./api/vendorTime";
import { createVendorTime } from "./api/vendorTime";

export interface Connection {
  readonly endpoint: Endpoint;
  readonly client: LambdaClient;
  readonly time: VendorTime;
}

/** The edges of the kinds, replaceable in tests. */
export interface LambdaEdges {
  readonly connect: (ref: EndpointRef, context: Pick<Context, "projectRoot" | "clock" | "say">) => Promise<Connection>;
  /** Throws a UserError when the deletion is not allowed. */
  readonly authorizeDeletion: (context: Context, binding: Binding, endpoint: EndpointRef, deletion: PlannedDeletion, outs: Props) => Promise<{ readonly grantId: string | null }>;
  /** Whether something accepts connections there. */
  readonly probePort: (host: string, port: number) => Promise<boolean>;
}

export const connectLambda: LambdaEdges["connect"] = async (ref, { projectRoot, clock, say }) => {
  const endpoint = await resolveEndpoint(ref, { projectRoot, say });
  const pace = createPace({ directory: paceDirectory(), apiKey: endpoint.apiKey, timeScale: endpoint.timeScale, clock });
  return { endpoint, client: createLambdaClient(endpoint, { clock, pace }), time: createVendorTime(clock, endpoint.timeScale) };
};

/** Tells accounts apart without keeping the key: part of a hash of a random 128-bit secret gives nothing away. */
export const accountMark = (endpoint: Pick<Endpoint, "apiKey">): string => createHash("sha256").update(`holdfast account ${endpoint.apiKey}`).digest("hex").slice(0, 12);

/** Where something was made, and what else of the run was made there. */
export interface Made {
  readonly endpoint: EndpointRef;
  readonly account: string;
  readonly sshKeyName?: string | undefined;
  readonly filesystemId?: string | undefined;
}

/** Part of what the ledger keeps of each intent and resource, so that it can be told later which account to ask. */
export const accountOf = (endpoint: Endpoint, ref: EndpointRef): { readonly account: string; readonly api: string } => ({ account: accountMark(endpoint), api: ref.api });

/**
 * The same from the ledger, of an intent's request or a resource's details. Only what was made with the same key counts
 * as seen: a key that was made since, in another account, would be visible there and prove nothing.
 */
export function madeIn(view: RunView, kept: Readonly<Record<string, unknown>>): Made {
  const text = (name: string): string | undefined => (typeof kept[name] === "string" ? kept[name] : undefined);
  const beside = (role: string): RunView["live"][number] | undefined => view.live.find((resource) => resource.role === role && resource.details?.["account"] === kept["account"]);
  return {
    endpoint: { ...view.endpoint, api: text("api") ?? view.endpoint.api },
    account: text("account") ?? "",
    sshKeyName: text("sshKeyName") ?? beside("sshKey")?.name,
    filesystemId: text("filesystemId") ?? beside("filesystem")?.id,
  };
}

/**
 * An API key of another account answers 404 to everything of ours, which would read as "gone, nothing bills". With
 * another key than the resource was made with, something else of the run must be visible before a 404 counts.
 */
export async function assertSameAccount({ client, endpoint }: Connection, made: Made, what: string): Promise<void> {
  if (made.endpoint.api === "sandbox" || made.account === accountMark(endpoint)) return;
  if (made.sshKeyName !== undefined && (await client.listSshKeys()).some((key) => key.name === made.sshKeyName)) return;
  if (made.filesystemId !== undefined && (await client.listFilesystems()).some((filesystem) => filesystem.id === made.filesystemId)) return;
  throw new UserError(`${what} is not visible with this API key, which is not the key it was made with; nothing else of the run is visible either. It may live, and bill, in another account. Nothing is made in its place.`, {
    next: [
      "use an API key of the account that made it",
      "when it was removed by hand in the console: pulumi state delete URN (`pulumi stack --show-urns` lists them)",
      "when the stack's state does not have it either: give the run another name, and name this one in otherRuns",
    ],
    code: "lambda-other-account",
  });
}

/**
 * Repeats what the vendor definitely did not do because it came too fast. Only for requests whose refusal proves that
 * nothing happened, which a 429 does; anything ambiguous is passed on.
 */
export async function whenAllowed<T>(time: VendorTime, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!isLambdaError(error, "rate-limit") || attempt === 5) throw error;
      await time.sleep(2 * attempt);
    }
  }
}
