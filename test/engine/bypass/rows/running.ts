/** Tried while a cell of the run still writes. */
import { rmSync } from "node:fs";
import type { Row } from "../row";

export const running: readonly Row[] = [
  {
    kind: "refused", phase: "writing", id: "destroy-while-writing",
    when: "the job still writes", typed: ["pulumi destroy"],
    by: "gate", codes: ["cells-unfinished", "no-approval", "no-receipt", "writer-alive"], exit: 1,
    says: [/is still writing/, /Cell b of scratch\/test\/quick was still training/], next: ["holdfast status scratch/test/quick"],
  },
  {
    kind: "refused", phase: "writing", id: "approve-while-writing",
    when: "the job still writes", typed: ["holdfast approve --confirm NAME"],
    by: "command", codes: [], exit: 3, says: [/Nothing was signed/, /still writing/], next: ["holdfast status scratch/test/quick"],
  },
  {
    kind: "refused", phase: "writing", id: "replace-instance-while-writing",
    when: "the job still writes, its file system would stay", typed: ["pulumi up --replace {instance}"],
    by: "provider lock", codes: ["no-approval", "writer-alive"], exit: 1, says: [/is still writing/], next: ["holdfast status scratch/test/quick"], settle: "state",
  },
  {
    kind: "refused", phase: "writing", id: "approve-replacement-while-writing",
    when: "the job still writes", typed: ["holdfast approve --replace instance --confirm NAME"],
    by: "command", codes: [], exit: 3, says: [/Nothing was signed/, /still writing/], next: ["holdfast status scratch/test/quick"],
  },
  {
    kind: "refused", phase: "writing", id: "cell-removed-while-writing",
    when: "a cell that runs is removed from the job", typed: ["pulumi up"],
    by: "provider lock", codes: [], exit: 1, says: [/cell b: removed after it had started/], next: [],
    prepare: (scene) => scene.editJob((job) => job.replace(/^ {2}- \{name: b.*\n/m, "")),
    settle: "up",
  },
  {
    kind: "refused", phase: "writing", id: "pulled-while-writing",
    when: "pulled while the job still writes", typed: ["holdfast pull", "pulumi destroy"],
    by: "gate", codes: ["cells-unfinished", "no-approval", "writer-alive"], exit: 1, says: [/is still writing/], next: ["holdfast status scratch/test/quick"],
    prepare: ({ run }) => () => { for (const folder of [run.paths.receipts, run.paths.pulled]) rmSync(folder, { recursive: true, force: true }); },
  },
];
