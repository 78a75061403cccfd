/** Every rule of the pack. Importable without starting it. */
import type { Rule } from "./rule";
import { budgetOrLeaseSet } from "./rules/billing";
import { checkpointsSurviveTeardown } from "./rules/durability";
import { pinnedImage } from "./rules/reproducibility";
import { noSecretLiterals } from "./rules/secrets";
import { runHasGateAndAudit } from "./rules/teardown";

export { budgetOrLeaseSet, checkpointsSurviveTeardown, noSecretLiterals, pinnedImage, runHasGateAndAudit };
export type { Finding, ResourceRule, Rule, StackRule } from "./rule";

export const rules: readonly Rule[] = [checkpointsSurviveTeardown, runHasGateAndAudit, budgetOrLeaseSet, noSecretLiterals, pinnedImage];
