/** Own resources and runs as a careless program would make them, each with the rules that it must trip. */
import { BILLING_AUDIT, LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, REMOTE_JOB, TEARDOWN_GATE, TRAINING_RUN } from "../../policy/subjects";
import { runOn } from "./platformPlans";

export interface BadResource {
  readonly type: string;
  readonly name: string;
  readonly props: Record<string, unknown>;
  readonly options?: Record<string, unknown>;
  readonly trips: readonly string[];
}

type Plan = Record<string, unknown>;

const merged = (plan: Plan, key: string, values: object): void => void (plan[key] = { ...(plan[key] as object), ...values });

const run = (name: string, trips: readonly string[], platform: string, change: (plan: Plan) => void = () => undefined, config: Record<string, unknown> = {}): BadResource => ({
  type: TRAINING_RUN,
  name,
  props: runOn(platform, change, {}, config).props,
  trips,
});

/** The output of another resource, which is not known at preview. */
const from = (name: string): { readonly outputOf: string } => ({ outputOf: name });

const binding = { custodyId: "cst_0", project: "scratch", stack: "test", run: "careless" };

export const badOwnResources = (): BadResource[] => [
  run("own-disk", ["checkpoints-survive-teardown", "checkpoints-survive-clocks"], "colab", (plan) => merged(plan, "durable", { tier: "content" })),
  run("unbounded", ["budget-or-lease-set"], "lambda", (plan) => merged(plan, "budget", { maxHours: null, maxUsd: null })),
  run("dear", ["cost-within-budget"], "lambda", (plan) => merged(plan, "cost", { worstCaseUsd: 500 })),
  run("forgotten", ["leftovers-have-an-owner"], "lambda", (plan) => {
    const { deletions } = plan["teardown"] as { deletions: { role: string }[] };
    merged(plan, "teardown", { storage: "delete", deletions: deletions.filter(({ role }) => role !== "filesystem") });
  }),
  run("leaky", ["no-secret-literals"], "lambda", (plan) => merged(plan, "environment", { HF_TOKEN: "changeme" })),
  run("crowded", ["disk-holds-the-run"], "kaggle", (plan) => merged(plan, "resources", { diskGiB: 100 })),
  run("long", ["run-fits-clock"], "colab", undefined, { budget: { maxHours: 40, maxUsd: 500 } }),
  run("rare", ["first-checkpoint-before-clock"], "colab", (plan) => merged(plan, "checkpoint", { everySeconds: 100_000 })),
  run("unattended", ["auto-shutdown-is-set"], "paperspaceCore", undefined, { paperspaceCore: {} }),
  run("snapshot", ["snapshot-is-not-the-only-copy"], "paperspaceCore", (plan) => merged(plan, "durable", { tier: "snapshot" })),
  run("elsewhere", ["storage-in-reach"], "lambda", (plan) => {
    merged(plan, "storage", { region: "us-east-1" });
    merged(plan, "capacity", { candidates: [{ type: "gpu_1x_a10", region: "us-west-1" }] });
  }),
  run("afresh", ["work-resumes-after-interruption"], "lambda", (plan) => {
    for (const cell of plan["cells"] as { command: string }[]) cell.command += " --overwrite_output_dir";
  }),
  run("outdated", ["promises-are-verified"], "lambda", (plan) => {
    const { deletions } = plan["teardown"] as { deletions: object[] };
    merged(plan, "teardown", { deletions: deletions.map((deletion, index) => (index === 0 ? { ...deletion, tiersKept: [], tiersInDoubt: ["filesystem"] } : deletion)) });
  }),
  { type: BILLING_AUDIT, name: "audit", props: { binding }, trips: [] },
  { type: LAMBDA_FILESYSTEM, name: "data", props: { binding, keep: true, verb: "keep" }, trips: ["leftovers-have-an-owner", "own-resource-has-its-lock", "run-has-gate-and-audit"] },
  { type: LAMBDA_INSTANCE, name: "box", props: { binding, verb: "terminate", tiersLost: ["local"] }, trips: ["checkpoints-survive-teardown", "budget-or-lease-set", "pinned-image", "own-resource-has-its-lock"] },
  { type: LAMBDA_INSTANCE, name: "waiting", props: { binding, verb: "terminate", tiersLost: ["local"], filesystem: { id: from("data"), region: from("data") }, image: { family: "lambda-stack-24-04" }, candidates: [{ type: "gpu_1x_a10", region: "us-west-1" }] }, options: { deleteBeforeReplace: true }, trips: ["budget-or-lease-set"] },
  { type: REMOTE_JOB, name: "job", props: { binding, tier: { filesystemId: from("data"), mountPoint: "/home/ubuntu" }, machine: { instanceId: from("box") } }, trips: ["checkpoints-survive-teardown", "storage-attached-at-launch"] },
  { type: TEARDOWN_GATE, name: "gate", props: { binding, holds: {} }, options: { deleteBeforeReplace: true }, trips: ["own-resource-has-its-lock"] },
];
