/** What bills is all listed, with commands that work; unconfirmed launches are settled without making or deleting anything. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { HttpFailure } from "../../../providers/http";
import { listBillables, terminateCommand } from "../../../providers/lambda/billables";
import { openIntent } from "../../../providers/lambda/intents";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import { settleIntents } from "../../../providers/lambda/settleIntents";
import { apiKey, bench, endpointRef } from "./doubles/bench";

test("instances in every state but terminated bill, and file systems bill for what they hold", async (t) => {
  const made = bench(t);
  const connection = await made.edges.connect(endpointRef, made.context);
  const { outs } = await instanceKind(made.edges).create(made.instanceInputs, made.context);
  for (const status of ["unhealthy", "preempted", "terminating", "alert"]) {
    made.fake.instances.push({ id: status, name: status, status, ip: null, type: "gpu_1x_a100", region: "us-east-1", sshKey: "k", filesystem: "", tags: [], launchedAt: 0, terminatedAt: null });
  }
  made.fake.filesystems.push({ id: "f1", name: "big", region: "us-east-1", bytes: 100 * 1024 ** 3 }, { id: "f2", name: "new", region: "us-east-1", bytes: null });
  const billables = await listBillables(connection);
  assert.deepEqual(billables.map(({ kind, id, hourlyUsd, monthlyUsd }) => [kind, id, hourlyUsd, monthlyUsd]), [
    ["instance", outs.instanceId, 1.29, null],
    ...["unhealthy", "preempted", "terminating", "alert"].map((id) => ["instance", id, 1.99, null]),
    ["filesystem", "f1", null, 20],
    ["filesystem", "f2", null, null],
  ]);
  assert.equal(billables[0]?.launchName, outs.launchName);
  assert.equal(billables[1]?.launchName, null);
});

test("the command that removes something is a whole shell line, with the key neither in it nor in any argument", async (t) => {
  const made = bench(t);
  const { endpoint } = await made.edges.connect(endpointRef, made.context);
  const command = terminateCommand(endpoint, "0".repeat(32));
  assert.ok(!command.includes(apiKey));
  const shown = execFileSync("sh", ["-c", command.replace("| curl", '| sh -c \'cat; printf "\\n%s" "$*"\' curl')], { encoding: "utf8", env: { PATH: process.env["PATH"], LAMBDA_API_KEY: "k-1" } });
  const [stdin, argv] = shown.split("\n");
  assert.equal(stdin, 'user = "k-1:"');
  assert.equal(argv, `-fsS -K - -X POST -H content-type: application/json -d {"instance_ids":["${"0".repeat(32)}"]} https://cloud.example.com/api/v1/instance-operations/terminate`);
});

test("the audit closes intents that made nothing and names those that did", async (t) => {
  const made = bench(t);
  const connection = await made.edges.connect(endpointRef, made.context);
  openIntent(made.run, { role: "instance", name: "digits-00000000", request: {} });
  made.fake.faults.push({ match: "POST /instance-operations/launch", commit: true, answer: new HttpFailure("connection", true, "broken") });
  made.fake.onLaunch = () => {
    made.fake.instances.splice(0).forEach((instance) => late.push(instance));
  };
  const late: typeof made.fake.instances = [];
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context));
  made.fake.instances.push(...late);
  const standing = await settleIntents(made.run, connection);
  assert.deepEqual(standing.map(({ role, id }) => ({ role, id })), [{ role: "instance", id: late[0]?.id }]);
  assert.equal(made.run.view().openIntents.length, 1, "the one that stands stays open, so that the next up takes it over");
  assert.ok(!made.fake.requests.some(({ method, path }) => method === "DELETE" || path.endsWith("terminate")));
});

test("an intent of a process that still runs is not settled over its head", async (t) => {
  const made = bench(t);
  const connection = await made.edges.connect(endpointRef, made.context);
  const { startTicksOf } = await import("../../../custody/disk/processes.js");
  made.run.append("intent.opened", { intent: "int_1", role: "instance", name: "digits-00000000", pid: process.ppid, startTicks: startTicksOf(process.ppid), request: {} });
  await assert.rejects(settleIntents(made.run, connection), { code: "intent-in-progress" });
  await assert.rejects(instanceKind(made.edges).create(made.instanceInputs, made.context), { code: "intent-in-progress" });
  assert.equal(made.fake.launches, 0);
});
