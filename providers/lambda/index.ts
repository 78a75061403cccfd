/** Lambda Cloud: the kinds of resources, and what bills there. */
import { systemClock } from "../../custody/clock";
import type { EndpointRef } from "../../custody/formats";
import type { RunCustody } from "../../custody/store";
import { authorizeDeletion } from "../teardown/authorize";
import type { Billable } from "./billables";
import { listBillables as listBillablesAt } from "./billables";
import type { LambdaEdges } from "./connection";
import { connectLambda } from "./connection";
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
