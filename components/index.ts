/** Holdfast as a library: `import { TrainingRun } from "holdfast"`. */
export { TrainingRun } from "./trainingRun";
export type { TrainingRunArgs } from "./trainingRun";
export { SharedStorage } from "./sharedStorage";
export type { SharedStorageArgs } from "./sharedStorage";
export { runFromStackConfig } from "./stackRun";
export { LambdaRun } from "./lambda/lambdaRun";
export { LambdaFilesystem, LambdaFirewallRuleset, LambdaInstance, LambdaSshKey } from "./lambda/resources";
export { RemoteJob } from "./job";
export { TeardownGate } from "./teardownGate";
export { BillingAudit } from "./billingAudit";
export { installLocks } from "./locks";
