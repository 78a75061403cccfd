/** Digest of what a plan says about the end of its run; kept by the gate. Pure. */
import { canonicalJson, sha256Hex } from "../../custody";
import type { Plan } from "../../profiles/plan";

export const teardownDigest = (plan: Plan): string => sha256Hex(canonicalJson({ teardown: plan.teardown, storage: plan.storage, disposable: plan.disposable }));
