/** What the vendor no longer bills costs no more in the ledger, also where no stack would ever say that it is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSandbox } from "../sandbox/fixture.js";
import { withProject } from "./project";

test("an instance that one launch made twice, and a person ended, is noticed by the audit; the one of the stack is the stack's to notice", async (t) => {
  const sandbox = await openSandbox(t);
  await withProject(async (project) => {
    const run = project.declareRun();
    const spare = { role: "instance", kind: "LambdaInstance", id: "0".repeat(32), name: "lab-digits-spare", hourlyUsd: 9 };
    run.append("resource.created", spare);
    run.append("resource.created", { role: "instance", kind: "LambdaInstance", id: "i-1", name: "lab-digits", hourlyUsd: 0.5 });
    const audit = await project.holdfastWith({ env: { HOLDFAST_SANDBOX_DIR: sandbox.dir } }, "audit");
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
    const view = run.view();
    assert.deepEqual(view.deleted.map(({ id, how }) => [id, how]), [["0".repeat(32), "lost"]]);
    assert.equal(view.resources.get("instance")?.id, "i-1");
    assert.match((await project.holdfast("ls")).stdout, /\$0\.50/);
    assert.ok((await sandbox.requests()).every(({ method }) => method === "GET"));
  });
});
