/** Every rule of the pack, by concern. Importable without starting it. */
import type { Rule } from "./rule";
import { budgetOrLeaseSet, costWithinBudget } from "./rules/billing";
import { diskHoldsTheRun } from "./rules/capacity";
import { autoShutdownIsSet, checkpointsSurviveClocks, firstCheckpointBeforeClock, runFitsClock } from "./rules/clocks";
import { checkpointsSurviveTeardown, promisesAreVerified } from "./rules/durability";
import { gpuCountHasLimit, memoryVolumesFitLimit, scratchIsBounded } from "./rules/kubernetes/capacity";
import { claimOutlivesItsStack, oneNodeClaimOnePod } from "./rules/kubernetes/claims";
import { checkpointsOnDurableVolume, gpuJobSaysWhereItCheckpoints, jobSaysWhereItCheckpoints } from "./rules/kubernetes/durability";
import { graceCoversCheckpoint, preemptionIsNotFailure, restartPolicyFits } from "./rules/kubernetes/interruption";
import { evidenceOutlivesJob, gpuJobHasDeadline } from "./rules/kubernetes/lifetime";
import { leftoversHaveAnOwner } from "./rules/leftovers";
import { pinnedImage } from "./rules/reproducibility";
import { workResumes } from "./rules/resume";
import { noSecretLiterals } from "./rules/secrets";
import { slurmCheckpointsOffNode, slurmCopyOutrunsTheKill, slurmJobSaysWhereItCheckpoints } from "./rules/slurm/durability";
import { slurmCancelStaysCancelled, slurmRequeueWorks, slurmSignalLeavesTime, slurmStepsGetTheirCpus, slurmWalltimeFits } from "./rules/slurm/interruption";
import { snapshotIsNotTheOnlyCopy, storageAttachedAtLaunch, storageInReach } from "./rules/storage";
import { ownResourceHasItsLock, runHasGateAndAudit } from "./rules/teardown";

export * from "./rules/billing";
export * from "./rules/capacity";
export * from "./rules/clocks";
export * from "./rules/durability";
export * from "./rules/kubernetes/capacity";
export * from "./rules/kubernetes/claims";
export * from "./rules/kubernetes/durability";
export * from "./rules/kubernetes/interruption";
export * from "./rules/kubernetes/lifetime";
export * from "./rules/leftovers";
export * from "./rules/reproducibility";
export * from "./rules/resume";
export * from "./rules/secrets";
export * from "./rules/slurm/durability";
export * from "./rules/slurm/interruption";
export * from "./rules/storage";
export * from "./rules/teardown";
export type { Finding, ResourceRule, Rule, StackRule } from "./rule";

export const concerns: Readonly<Record<string, readonly Rule[]>> = {
  Durability: [checkpointsSurviveTeardown, promisesAreVerified, workResumes, snapshotIsNotTheOnlyCopy, storageInReach, storageAttachedAtLaunch, gpuJobSaysWhereItCheckpoints, jobSaysWhereItCheckpoints, checkpointsOnDurableVolume, claimOutlivesItsStack],
  Clocks: [checkpointsSurviveClocks, firstCheckpointBeforeClock, runFitsClock, autoShutdownIsSet],
  Billing: [budgetOrLeaseSet, costWithinBudget, leftoversHaveAnOwner, gpuJobHasDeadline],
  Secrets: [noSecretLiterals],
  Reproducibility: [pinnedImage],
  Capacity: [diskHoldsTheRun, gpuCountHasLimit, memoryVolumesFitLimit, scratchIsBounded],
  "Scheduling on Kubernetes": [preemptionIsNotFailure, graceCoversCheckpoint, restartPolicyFits, evidenceOutlivesJob, oneNodeClaimOnePod],
  "Scheduling on Slurm": [slurmCheckpointsOffNode, slurmCopyOutrunsTheKill, slurmJobSaysWhereItCheckpoints, slurmSignalLeavesTime, slurmCancelStaysCancelled, slurmRequeueWorks, slurmWalltimeFits, slurmStepsGetTheirCpus],
  Teardown: [runHasGateAndAudit, ownResourceHasItsLock],
};

export const rules: readonly Rule[] = Object.values(concerns).flat();
