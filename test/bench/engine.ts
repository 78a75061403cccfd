/** What the engine's commands cost for one run on the sandbox, and what state holds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ScratchStack } from "../engine/stack";
import { until } from "../engine/until";
import { providerLiteral } from "../../providers/dynamic";
import { seconds } from "./measure";
import type { Row } from "./table";

export async function benchEngine(): Promise<Row[]> {
  const scratch = await ScratchStack.create();
  try {
    const ok = async (step: Promise<{ exitCode: number; output: string }>, wanted: (code: number) => boolean): Promise<string> => {
      const { exitCode, output } = await step;
      if (!wanted(exitCode)) throw new Error(output);
      return output;
    };
    const zero = (code: number): boolean => code === 0;
    const preview = await seconds(() => ok(scratch.pulumi("preview", "--stack", scratch.stack), zero));
    const up = await seconds(() => ok(scratch.up(), zero));
    await until("the queue is closed", async () => {
      const { exitCode, output } = await scratch.holdfast("status", "--json");
      return exitCode === 0 && (JSON.parse(output) as { closed?: unknown }).closed;
    });
    const noop = await seconds(() => ok(scratch.up(), zero));
    const refused = await seconds(() => ok(scratch.destroy(), (code) => code !== 0));
    const state = (await scratch.resources()).filter(({ type }) => type.includes("holdfast:"));
    const bytes = state.reduce((sum, resource) => sum + JSON.stringify(resource).length, 0);
    await ok(scratch.holdfast("pull"), zero);
    const approveName = scratch.custody().view().resources.get("instance")?.name ?? "";
    await ok(scratch.holdfast("approve", "--confirm", approveName), zero);
    const destroy = await seconds(() => ok(scratch.destroy(), zero));
    const requests = await scratch.sandbox<{ requests?: unknown[] } | unknown[]>("/requests");
    const calls = Array.isArray(requests) ? requests.length : (requests.requests?.length ?? NaN);
    const ledger = readFileSync(join(scratch.custody().dir, "ledger.jsonl"), "utf8").trim().split("\n").length;
    return [
      { name: "preview of one run", value: preview, unit: "s", goal: null },
      { name: "up of one run (boot delays scaled by 120)", value: up, unit: "s", goal: null },
      { name: "no-op up", value: noop, unit: "s", goal: null },
      { name: "refused destroy", value: refused, unit: "s", goal: "< 3" },
      { name: "destroy", value: destroy, unit: "s", goal: null },
      { name: "state per own resource", value: bytes / state.length, unit: "B", goal: "< 2500" },
      { name: "provider text in state", value: providerLiteral("LambdaFirewallRuleset").length, unit: "B", goal: "< 200" },
      { name: "API calls of the whole life", value: calls, unit: "", goal: null },
      { name: "ledger lines of the whole life", value: ledger, unit: "", goal: null },
    ];
  } finally {
    await scratch.close();
  }
}
