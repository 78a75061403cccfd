/** Edits of the program and of the state, tried on a finished run that nobody has pulled. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { packageRoot } from "../../stack";
import type { Refused, Row } from "../row";
import type { Scene } from "../scene";
import { programWith } from "./engine";

const gateRefuses = {
  kind: "refused", phase: "finished", by: "gate", codes: ["no-approval", "no-receipt"], exit: 1,
  says: [/Refused: the end of run scratch\/test\/quick\. Nothing was deleted\./], next: ["holdfast pull scratch/test/quick", "holdfast approve scratch/test/quick"],
} as const;
const programStops = { kind: "refused", phase: "finished", by: "program check", codes: [], exit: 1, next: [] } as const;
const program = (text: string): Pick<Refused, "prepare"> => ({ prepare: (scene) => scene.program(text) });
const lambdaRun = JSON.stringify(join(packageRoot, "dist", "components", "lambda", "lambdaRun.js"));
const group = 'const parent = new pulumi.ComponentResource("test:index:Group", "group");\n';
const everyResource = (option: string): string => `pulumi.runtime.registerResourceTransform(({ props, opts }) => ({ props, opts: { ...opts, ${option} } }));\nnew TrainingRun("quick", values);`;

const randomOrder = "the engine runs transforms in random order, and one that runs after the check is not seen by it";
const retained = async (scene: Scene): Promise<void> => {
  const { exitCode, output } = await scene.type("holdfast doctor");
  assert.notEqual(exitCode, 0, output);
  assert.match(output, /retainOnDelete/);
};
/** Whatever the order this time, there is no second instance, and the first one stands. */
const stillAsked = async (scene: Scene): Promise<void> => {
  const before = await scene.standing();
  const { exitCode, output } = await scene.type("pulumi up --replace {instance}");
  assert.notEqual(exitCode, 0, output);
  assert.deepEqual(await scene.standing(), before, output);
};

export const edits: readonly Row[] = [
  { ...gateRefuses, id: "component-removed", when: "the run is removed from the program", typed: ["pulumi up"], ...program(""), settle: "up" },
  {
    ...gateRefuses, id: "gate-removed", when: "the gate is removed from the program (the component itself is patched)", typed: ["pulumi up"], settle: "up",
    ...program(programWith(`require(${lambdaRun}).LambdaRun.prototype.createGate = () => undefined;\nnew TrainingRun("quick", values);`)),
  },
  {
    ...gateRefuses, id: "gate-and-destroy-with-program", when: "the gate is removed from the program, which runs during the destroy", typed: ["pulumi destroy --run-program"], settle: "up",
    ...program(programWith(`require(${lambdaRun}).LambdaRun.prototype.createGate = () => undefined;\nnew TrainingRun("quick", values);`)),
  },
  { ...programStops, id: "renamed", when: "the run has another name in the program; no second one is bought", typed: ["pulumi up"], says: [/the ledger has the live run "quick", which this program does not declare/], ...program(programWith('new TrainingRun("quick-2", values);')) },
  {
    ...programStops, id: "renamed-with-alias", when: "another name, with an alias to the old one", typed: ["pulumi up"], says: [/keep the old name/],
    ...program(programWith('new TrainingRun("quick-2", values, { aliases: [{ name: "quick" }] });')),
  },
  {
    ...programStops, id: "second-run", when: "a second run beside the first, which the program no longer names", typed: ["pulumi up"], says: [/would be a second one beside it/],
    ...program(programWith('new TrainingRun("other", values);')),
  },
  {
    ...programStops, by: "provider lock", id: "moved", when: "the run is moved under another component of the program, without an alias", typed: ["pulumi up"], says: [/it has another parent, or is declared twice/], next: ["put it back where it was in the program"], settle: "up",
    ...program(programWith(`${group}new TrainingRun("quick", values, { parent });`)),
  },
  {
    ...programStops, by: "provider lock", id: "declared-twice", when: "the run is declared a second time, under another component", typed: ["pulumi up"], says: [/it has another parent, or is declared twice/], next: [], settle: "up",
    ...program(programWith(`${group}new TrainingRun("quick", values);\nnew TrainingRun("quick", values, { parent });`)),
  },
  {
    kind: "refused", phase: "finished", by: "nobody", id: "moved-with-alias", when: "the run is moved under another component of the program, and the alias says so", typed: ["pulumi up"], codes: [], exit: 0, says: [/unchanged/], next: [], settle: "state",
    ...program(programWith(`${group}new TrainingRun("quick", values, { parent, aliases: [\`urn:pulumi:\${pulumi.getStack()}::\${pulumi.getProject()}::holdfast:index:TrainingRun::quick\`] });`)),
  },
  {
    ...programStops, id: "other-platform", when: "the stack's config names another platform", typed: ["pulumi up"], says: [/can be planned .* and not provisioned/],
    prepare: (scene) => scene.config({ platform: "paperspaceCore", teardown: { storage: "delete" }, capacity: {}, lambda: undefined }),
  },
  { ...programStops, by: "transform", id: "retain-on-delete-inherited", when: "`retainOnDelete` on the component, inherited by all of it", typed: ["pulumi up"], says: [/retainOnDelete is set, on it or inherited/], ...program(programWith('new TrainingRun("quick", values, { retainOnDelete: true });')), settle: "up" },
  {
    ...programStops, by: "transform", id: "deleted-with-inherited", when: "`deletedWith` on the component", typed: ["pulumi up"], says: [/deletedWith is set, on it or inherited/], settle: "up",
    ...program(programWith('const other = new pulumi.ComponentResource("test:index:Other", "other");\nnew TrainingRun("quick", values, { deletedWith: other });')),
  },
  { ...programStops, by: "transform", id: "transform-retains", when: "a transform of the program sets `retainOnDelete` on every resource", typed: ["pulumi up"], says: [/retainOnDelete is set/], mayPass: `${randomOrder}: then the update changes the state only, where \`holdfast doctor\` finds it, and nothing can be approved`, foundThen: retained, ...program(programWith(everyResource("retainOnDelete: true"))), settle: "up" },
  { ...programStops, by: "transform", id: "transform-creates-first", when: "a transform of the program takes `deleteBeforeReplace` away", typed: ["pulumi up"], says: [/deleteBeforeReplace is not set/], mayPass: `${randomOrder}: then a replacement is still refused, and no second instance bought`, foundThen: stillAsked, ...program(programWith(everyResource("deleteBeforeReplace: false"))), settle: "up" },
];

export const surgery: readonly Row[] = [
  {
    kind: "refused", phase: "finished", by: "provider lock", id: "gate-out-of-state", when: "the gate is deleted from the state", typed: ["pulumi state delete {gate}", "pulumi destroy"],
    codes: ["no-approval"], exit: 1, says: [/Refused: delete job job-quick/], next: ["holdfast approve scratch/test/quick --replace job"], settle: "state",
  },
  {
    kind: "refused", phase: "finished", by: "provider lock", id: "gate-out-of-state-continue", when: "the gate is deleted from the state, and errors are passed over", typed: ["pulumi state delete {gate}", "pulumi destroy --continue-on-error"],
    codes: ["no-approval"], exit: 1, says: [/Refused: delete job job-quick/], next: ["holdfast approve scratch/test/quick --replace job"], settle: "state",
  },
  {
    kind: "refused", phase: "finished", by: "provider lock", id: "job-and-gate-out-of-state", when: "job and gate are deleted from the state", typed: ["pulumi state delete {job} --target-dependents", "pulumi destroy"],
    codes: ["no-approval"], exit: 1, says: [/Refused: terminate instance /], next: ["holdfast approve scratch/test/quick --replace instance"], settle: "state",
  },
  {
    kind: "refused", phase: "finished", by: "provider lock", id: "instance-out-of-state", when: "the instance and all that depends on it are deleted from the state; the key, without which nothing can be pulled, stays too", typed: ["pulumi state delete {instance} --target-dependents", "pulumi destroy --continue-on-error"],
    codes: ["no-approval", "no-receipt"], exit: 1, says: [/Refused: delete filesystem /], next: ["holdfast pull scratch/test/quick", "holdfast approve scratch/test/quick"], settle: "state",
  },
  {
    kind: "refused", phase: "finished", by: "nobody", id: "instance-out-of-state-up", when: "the instance is deleted from the state: the next update takes it over and buys no second one", typed: ["pulumi state delete {instance} --target-dependents", "pulumi up"],
    codes: [], exit: 0, says: [/taking over instance/], next: [], settle: "up",
  },
  {
    kind: "refused", phase: "finished", by: "nobody", id: "state-deleted", when: "everything is deleted from the state: nothing can refuse that, and the audit finds what bills on", typed: ["pulumi state delete --all --force", "holdfast audit"],
    codes: [], exit: 3, says: [/instance +holdfast-quick/, /filesystem +holdfast-quick/], next: [], settle: "state", noted: /in no stack's state any more, so that no destroy would end it: .*instance holdfast-quick/,
  },
  {
    kind: "refused", phase: "finished", by: "command", id: "state-retains", when: "`retainOnDelete` of the instance stands in the state: a destroy would forget it, and it would bill on", typed: ["holdfast approve --confirm NAME"],
    codes: [], exit: 3, says: [/Nothing was signed: in the state of stack test a lock is passed by/, /quick-instance: retainOnDelete/], next: ["holdfast doctor"], settle: "state",
    prepare: async (scene) => { await scene.editState("LambdaInstance::", { retainOnDelete: true }); return () => undefined; },
  },
  {
    kind: "refused", phase: "finished", by: "gate", id: "second-checkout", when: "another checkout of the same stack, without this run's custody", typed: ["pulumi destroy"],
    codes: [], exit: 1, says: [/The custody store cst_\w+, which keeps the evidence of this run, is not here/], next: ["holdfast recover scratch/test/quick"],
    prepare: (scene) => scene.withoutCustody(),
  },
];
