/** The one table of what is done about every gotcha. Policy rules are not in it: each names the gotchas that it covers. */
import type { CoverageTable } from "./cover";
import { lambdaCoverage } from "./lambda";
import { platformCoverage } from "./platforms";
import { universalCoverage } from "./universal";

export type { Cover, CoverageTable, TestLink } from "./cover";
export { later, laterResources, type Awaited } from "./later";

export const coverage: CoverageTable = { ...lambdaCoverage, ...platformCoverage, ...universalCoverage };

const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** Every id of the sources. A test compares it with what profiles and rules name. */
export const gotchaIds: readonly string[] = [
  ...numbered("LAM", 13),
  ...numbered("PS", 13),
  ...numbered("AD", 9),
  "AD-DANGER",
  ...numbered("GEN", 8),
  ...numbered("SLURM", 5),
  ...numbered("K8S", 6),
  ...numbered("NB", 5),
  ...numbered("U", 44),
];
