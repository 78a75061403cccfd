import assert from "node:assert/strict";
import { test } from "node:test";
import { whyNotEnough } from "../../../cli/commands/verifyInPlace";
import type { Plan } from "../../../profiles/plan";

const planWith = (require: "pulled" | "verifiedInPlace", tiersLost: readonly string[]): Plan =>
  ({ durable: { tier: "filesystem" }, teardown: { require, deletions: [{ role: "instance", verb: "terminate", tiersLost }] } }) as unknown as Plan;

test("a receipt in place is called enough only where the place stays and the plan accepts it", () => {
  assert.equal(whyNotEnough(planWith("verifiedInPlace", ["local"])), null);
  assert.match(whyNotEnough(planWith("pulled", ["local"])) ?? "", /teardown\.require is pulled/);
  assert.match(whyNotEnough(planWith("verifiedInPlace", ["local", "filesystem"])) ?? "", /deletes the place itself/);
  assert.match(whyNotEnough(null) ?? "", /holds no plan/);
});
