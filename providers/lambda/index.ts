/** Lambda Cloud: the kinds of resources, and what bills there. */
import { systemClock } from "../../custody/clock";
import type { EndpointRef } from "../../custody/formats";
import type { RunCustody } from "../../custody/store";
import { UserError } from "../../custody/userError";
import { authorizeDeletion } from "../teardown/authorize";
import type { Billable } from "./billables";
import { listBillables as listBillablesAt } from "./billables";
import type { LambdaEdges } from "./connection";
import { connectLambda } from "./connection";
import { isEmpty } from "./filesystem/empty";
import { probePort } from "./instance/portProbe";
import { filesystemKind } from "./kinds/filesystem";
import { firewallRulesetKind } from "./kinds/firewallRuleset";
import { instanceKind } from "./kinds/instance";
import { sshKeyKind } from "./kinds/sshKey";
import type { Unconfirmed } from "./settleIntents";
import { settleIntents as settleIntentsAt } from "./settleIntents";

export type { Billable } from "./billables";
export type { FilesystemInputs, FilesystemOutputs } from "./kinds/filesystem";
export type { FirewallRulesetInputs, FirewallRulesetOutputs } from "./kinds/firewallRuleset";
export type { InstanceInputs, InstanceOutputs } from "./kinds/instance";
export type { SshKeyInputs, SshKeyOutputs } from "./kinds/sshKey";
export { removePrivateKeys } from "./privateKeys";
export type { Unconfirmed } from "./settleIntents";

const edges: LambdaEdges = { connect: connectLambda, authorizeDeletion, probePort };

/** By the name under which Pulumi's state knows them. */
export const lambdaKinds = {
  LambdaSshKey: sshKeyKind(edges),
  LambdaFilesystem: filesystemKind(edges),
  LambdaInstance: instanceKind(edges),
  LambdaFirewallRuleset: firewallRulesetKind(edges),
} as const;

/** Everything in the account that bills now. Two requests. Throws UserError when there is no usable key. */
export async function listBillables(endpoint: EndpointRef, projectRoot: string): Promise<Billable[]> {
  return listBillablesAt(await connectLambda(endpoint, { projectRoot, clock: systemClock, say: () => undefined }));
}

/** Closes intents that made nothing and returns those that did; see settleIntents.ts. */
export async function settleIntents(run: RunCustody, endpoint: EndpointRef, projectRoot: string): Promise<Unconfirmed[]> {
  return settleIntentsAt(run, await connectLambda(endpoint, { projectRoot, clock: systemClock, say: () => undefined }));
}

/**
 * Whether a file system holds nothing. `no`: bytes are counted on it. `yes`: nothing uses it, and 0 bytes or none are
 * counted. `unknown`: it is in use, not found, or the API cannot be reached or asked (no usable key).
 *
 * The vendor refreshes its count every few hours: a `yes` counts for file systems that this run made itself and never
 * started a job on, and for no others.
 */
export async function storageIsEmpty(endpoint: EndpointRef, projectRoot: string, filesystemId: string): Promise<"yes" | "no" | "unknown"> {
  try {
    return await isEmpty(await connectLambda(endpoint, { projectRoot, clock: systemClock, say: () => undefined }), filesystemId);
  } catch (error) {
    if (error instanceof UserError) return "unknown";
    throw error;
  }
}
