/** Options and verbs of the engine, tried on a finished run that nobody has pulled. */
import type { Row } from "../row";

const unproven = ["no-approval", "no-receipt"] as const;
const pullThenApprove = ["holdfast pull scratch/test/quick", "holdfast approve scratch/test/quick"] as const;
const gateRefuses = { kind: "refused", phase: "finished", by: "gate", codes: unproven, exit: 1, says: [/Refused: the end of run scratch\/test\/quick\. Nothing was deleted\./, /No receipt shows/, /Nobody has approved/], next: pullThenApprove } as const;
const confirmation = ["holdfast approve scratch/test/quick --replace instance"] as const;
const instanceRefuses = { kind: "refused", phase: "finished", by: "provider lock", codes: ["no-approval"], exit: 1, says: [/Refused: terminate instance /], next: confirmation } as const;

/** Text of a program that passes options to its one run. */
export const programWith = (options: string): string => `const { TrainingRun } = require("holdfast");
const pulumi = require("@pulumi/pulumi");
const values = Object.fromEntries(Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith("holdfast:")).map(([key, value]) => {
  try { return [key.slice(9), JSON.parse(value)]; } catch { return [key.slice(9), value]; }
}));
${options}
`;

export const engine: readonly Row[] = [
  { ...gateRefuses, id: "destroy-unpulled", when: "finished, not pulled", typed: ["pulumi destroy"] },
  { kind: "refused", phase: "finished", by: "command", id: "approve-unpulled", when: "finished, not pulled", typed: ["holdfast approve --confirm NAME"], codes: [], exit: 3, says: [/Nothing was signed/, /No receipt shows/], next: ["holdfast pull scratch/test/quick"] },
  { kind: "refused", phase: "finished", by: "command", id: "approve-unconfirmed", when: "the instance's name is not typed", typed: ["holdfast approve --replace instance"], codes: [], exit: 3, says: [/Nothing was signed: there is no terminal to ask at/], next: [] },
  { kind: "refused", phase: "finished", by: "command", id: "approve-other-name", when: "another name is typed", typed: ["holdfast approve --replace instance --confirm quick"], codes: [], exit: 3, says: [/"quick" is not the instance's name/], next: [] },
  { kind: "refused", phase: "finished", by: "engine", id: "target-instance", when: "only the instance is named", typed: ["pulumi destroy --target {instance}"], codes: [], exit: 1, says: [/was not specified in --target list/], next: [] },
  { kind: "refused", phase: "finished", by: "engine", id: "target-filesystem", when: "only the file system is named", typed: ["pulumi destroy --target {filesystem}"], codes: [], exit: 1, says: [/was not specified in --target list/], next: [] },
  { ...gateRefuses, id: "target-instance-dependents", when: "the instance and what depends on it", typed: ["pulumi destroy --target {instance} --target-dependents"] },
  { ...gateRefuses, id: "target-filesystem-dependents", when: "the file system and what depends on it", typed: ["pulumi destroy --target {filesystem} --target-dependents"] },
  { ...gateRefuses, id: "target-key-dependents", when: "the key and what depends on it", typed: ["pulumi destroy --target {key} --target-dependents"] },
  { ...gateRefuses, id: "target-gate", when: "only the gate", typed: ["pulumi destroy --target {gate}"] },
  { kind: "refused", phase: "finished", by: "engine", id: "exclude-gate", when: "all but the gate: the engine keeps what the gate depends on, which is everything", typed: ["pulumi destroy --exclude {gate}"], codes: [], exit: 0, says: [/9 unchanged/], next: [] },
  { ...gateRefuses, id: "continue-on-error", when: "going on after errors", typed: ["pulumi destroy --continue-on-error"] },
  { ...gateRefuses, id: "run-program", when: "with the program running", typed: ["pulumi destroy --run-program"] },
  { ...gateRefuses, id: "destroy-after-refresh", when: "with a refresh before", typed: ["pulumi destroy --refresh"] },
  { kind: "refused", phase: "finished", by: "engine", id: "stack-rm", when: "the stack itself", typed: ["pulumi stack rm --yes --preserve-config"], codes: [], exit: 1, says: [/still has resources|remain/], next: [] },

  { ...instanceRefuses, id: "up-replace-instance", when: "the instance is to be replaced; no second one is bought", typed: ["pulumi up --replace {instance}"], settle: "state" },
  { ...instanceRefuses, id: "up-target-replace-instance", when: "the instance alone is to be replaced", typed: ["pulumi up --target-replace {instance} --target-dependents"], settle: "state" },
  { ...instanceRefuses, id: "up-replace-key", when: "the key is to be replaced, which takes its instance with it", typed: ["pulumi up --replace {key}"], settle: "state" },
  { ...instanceRefuses, id: "taint-instance", when: "the instance is tainted", typed: ["pulumi state taint {instance}", "pulumi up"], settle: "state" },
  { ...gateRefuses, id: "taint-filesystem", when: "the file system is tainted", typed: ["pulumi state taint {filesystem}", "pulumi up"], settle: "state" },
  { ...gateRefuses, id: "up-replace-filesystem", when: "the file system is to be replaced; no second one is bought", typed: ["pulumi up --replace {filesystem}"], settle: "state" },
  { ...gateRefuses, id: "up-target-replace-filesystem", when: "the file system alone is to be replaced", typed: ["pulumi up --target-replace {filesystem}"], settle: "state" },
  { ...instanceRefuses, id: "taint-key", when: "the key is tainted", typed: ["pulumi state taint {key}", "pulumi up"], settle: "state" },
  { ...gateRefuses, id: "up-replace-gate", when: "the gate itself is to be replaced", typed: ["pulumi up --replace {gate}"], settle: "state" },
  {
    ...instanceRefuses, id: "instance-type-edited", when: "another type of instance in the config", typed: ["pulumi up"], settle: "up",
    prepare: (scene) => scene.config({ capacity: { candidates: ["gpu_1x_a10"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 } }),
  },
  {
    ...instanceRefuses, id: "instance-type-edited-target", when: "another type in the config, only the instance named", typed: ["pulumi up --target {instance}"], settle: "up",
    prepare: (scene) => scene.config({ capacity: { candidates: ["gpu_1x_a10"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 } }),
  },
  {
    ...gateRefuses, id: "filesystem-region-edited", when: "file system and instance are to move to another region in one update", typed: ["pulumi up"], settle: "up",
    prepare: (scene) => scene.config({ storage: { create: { region: "us-west-1" } }, capacity: { candidates: ["cpu_4x_general@us-west-1"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 1 } }),
  },
  {
    ...gateRefuses, id: "filesystem-region-edited-target", when: "another region in the config, only the file system named", typed: ["pulumi up --target {filesystem}"], settle: "up",
    prepare: (scene) => scene.config({ storage: { create: { region: "us-west-1" } }, capacity: { candidates: ["cpu_4x_general@us-west-1"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 1 } }),
  },
  {
    ...gateRefuses, id: "teardown-edited", when: "`teardown.require` and `storage` edited after the last `up`: a plain destroy judges by what was last applied", typed: ["pulumi destroy"],
    prepare: (scene) => scene.config({ teardown: { verb: "terminate", storage: "keep", require: "verifiedInPlace" } }),
  },
  {
    kind: "refused", phase: "finished", by: "engine", id: "protect-inherited", when: "`protect` on the component, inherited by all of it", typed: ["pulumi up", "pulumi destroy"], codes: [], exit: 1, says: [/protected/], next: [],
    prepare: (scene) => scene.program(programWith('new TrainingRun("quick", values, { protect: true });')), settle: "state",
  },
  {
    ...gateRefuses, id: "protect-ignored", when: "`protect` on the component, and told to ignore it", typed: ["pulumi up", "pulumi destroy --ignore-protect"],
    prepare: (scene) => scene.program(programWith('new TrainingRun("quick", values, { protect: true });')), settle: "state",
  },
  {
    kind: "refused", phase: "finished", by: "nobody", id: "refresh-wrong-404", when: "the vendor's API answers 404 by mistake, once: a second look contradicts it, nothing is given up", typed: ["pulumi refresh"], codes: [], exit: 0, says: [/unchanged/], next: [],
    prepare: async (scene) => {
      await scene.scratch.sandbox("/knobs", { method: "PATCH", body: { notFoundOnce: 1 } });
      return () => scene.scratch.sandbox("/knobs", { method: "PATCH", body: { notFoundOnce: 0 } });
    },
  },
];
