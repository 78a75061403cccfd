/** The plan as it may be printed: what a rule takes for a secret is not repeated, since logs and artifacts keep it. Pure. */
import type { Plan } from "../../profiles/plan";
import type { Finding } from "../runs/findings";

const NOT_SHOWN = "(not shown: it looks like a secret)";

/** By the property paths of the findings: a variable, the command of a cell, the setup, the source of an input. */
export function withoutSecrets(plan: Plan, findings: readonly Finding[]): Plan {
  const paths = findings.filter(({ ruleId }) => ruleId === "no-secret-literals").flatMap(({ where }) => where.split(" or "));
  if (paths.length === 0) return plan;
  const isNamed = (path: string): boolean => paths.includes(path);
  const hiding = (hidden: boolean, text: string): string => (hidden ? NOT_SHOWN : text);
  return {
    ...plan,
    environment: Object.fromEntries(Object.entries(plan.environment).map(([name, value]) => [name, hiding(isNamed(`job.env.${name}`), value)])),
    cells: plan.cells.map((cell, index) => ({ ...cell, command: hiding(isNamed(`job.roster[${index}].args`), cell.command) })),
    setup: plan.setup === null ? null : hiding(isNamed("job.setup"), plan.setup),
    inputs: plan.inputs.map((input, index) => ({ ...input, source: hiding(isNamed(`job.inputs[${index}].source`), input.source) })),
  };
}
