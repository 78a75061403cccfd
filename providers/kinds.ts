/** The table of kinds. A name that ever was in somebody's state stays here. */
import type { Kind } from "./kind";

/** Loaded on use: a small resource does not pay for the SSH runner or the HTTP client. */
const loaders = {
  LambdaSshKey: async () => (await import("./lambda/index.js")).lambdaKinds.LambdaSshKey,
  LambdaFilesystem: async () => (await import("./lambda/index.js")).lambdaKinds.LambdaFilesystem,
  LambdaInstance: async () => (await import("./lambda/index.js")).lambdaKinds.LambdaInstance,
  LambdaFirewallRuleset: async () => (await import("./lambda/index.js")).lambdaKinds.LambdaFirewallRuleset,
  RemoteJob: async () => (await import("./job/remoteJob.js")).remoteJob,
  TeardownGate: async () => (await import("./gate/gate.js")).teardownGate,
  BillingAudit: async () => (await import("./audit/audit.js")).billingAudit,
} as const;

export type KindName = keyof typeof loaders;

export const kindNames = Object.keys(loaders) as readonly KindName[];

export const isKindName = (name: string): name is KindName => Object.hasOwn(loaders, name);

/** The implementation of a kind. Inputs and outputs are checked by the kind itself: here they are opaque JSON. */
export async function loadKind(name: KindName): Promise<Kind> {
  return await loaders[name]();
}
