/** Lambda Cloud: the kinds of resources. */
import { authorizeDeletion } from "../teardown/authorize";
import type { LambdaEdges } from "./connection";
import { connectLambda } from "./connection";
import { probePort } from "./instance/portProbe";
import { filesystemKind } from "./kinds/filesystem";
import { firewallRulesetKind } from "./kinds/firewallRuleset";
import { instanceKind } from "./kinds/instance";
import { sshKeyKind } from "./kinds/sshKey";

export type { FilesystemInputs, FilesystemOutputs } from "./kinds/filesystem";
export type { FirewallRulesetInputs, FirewallRulesetOutputs } from "./kinds/firewallRuleset";
export type { InstanceInputs, InstanceOutputs } from "./kinds/instance";
export type { SshKeyInputs, SshKeyOutputs } from "./kinds/sshKey";

const edges: LambdaEdges = { connect: connectLambda, authorizeDeletion, probePort };

/** By the name under which Pulumi's state knows them. */
export const lambdaKinds = {
  LambdaSshKey: sshKeyKind(edges),
  LambdaFilesystem: filesystemKind(edges),
  LambdaInstance: instanceKind(edges),
  LambdaFirewallRuleset: firewallRulesetKind(edges),
} as const;
