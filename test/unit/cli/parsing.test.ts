import assert from "node:assert/strict";
import { test } from "node:test";
import { afterDashes } from "../../../cli/commands/ssh";
import { stepText } from "../../../cli/demo/demo";
import { stepOf } from "../../../cli/runs/checkpointStep";
import { parseDuration } from "../../../cli/runs/duration";
import { machineInState } from "../../../cli/runs/machine";
import { parseRemoteStatus } from "../../../cli/runs/remoteStatus";

test("what stands after the dashes is the command, whether or not a run is named before them", () => {
  assert.deepEqual(afterDashes(["ssh", "digits", "--", "kill", "-9", "--", "-5"]), { run: "digits", words: ["kill", "-9", "--", "-5"] });
  assert.deepEqual(afterDashes(["ssh", "--", "nvidia-smi"]), { run: undefined, words: ["nvidia-smi"] });
  assert.equal(afterDashes(["ssh", "digits"]), null);
});

test("durations of other forms are refused, not guessed", () => {
  assert.deepEqual(["30m", "24h", "1.5h", "7d"].map(parseDuration), [1800, 86_400, 5400, 604_800]);
  for (const text of ["", "24", "1w", "-1h", "0h", "1h30m", "soon"]) assert.throws(() => parseDuration(text), /30m, 24h or 7d/, text);
});

test("a status that is cut off or of another kind is no status", () => {
  const good = { writer: "none", session: null, cells: [{ cell: "a", state: "complete", attempt: 1, extra: true }], heartbeat: null, closed: null, newestCheckpoint: null, bytesFree: 1 };
  assert.equal(parseRemoteStatus(JSON.stringify(good)).cells[0]?.state, "complete");
  assert.throws(() => parseRemoteStatus('{"writer":"none"'), /did not answer with JSON/);
  assert.throws(() => parseRemoteStatus(""), /did not answer with JSON: nothing/);
  assert.throws(() => parseRemoteStatus('{"cells":[]}'), /something else than expected[\s\S]*writer/);
});

test("the machine of a run is found in Pulumi's state by the run's name, not by being the only one", () => {
  const own = (kind: string, run: string, outputs: object) => ({ urn: `u::${kind}-${run}`, type: `pulumi-nodejs:dynamic/holdfast:${kind}`, outputs: { binding: { run }, ...outputs } });
  const resources = [
    own("LambdaInstance", "other", { ip: "192.0.2.1", instanceId: "i-other" }),
    own("LambdaInstance", "digits", { ip: "192.0.2.7", sshPort: 2222, user: "ubuntu", instanceId: "i-1" }),
    own("RemoteJob", "digits", { directory: "/lambda/nfs/x/holdfast/lab/dev/digits" }),
    own("LambdaSshKey", "digits", { name: "lab-key" }),
  ];
  const run = { project: "lab", stack: "dev", name: "digits" };
  assert.deepEqual(machineInState(resources, run), {
    address: { host: "192.0.2.7", port: 2222, user: "ubuntu" }, instanceId: "i-1", sshKeyName: "lab-key", directory: "/lambda/nfs/x/holdfast/lab/dev/digits",
  });
  assert.equal(machineInState(resources, { ...run, name: "absent" }), null);
});

test("a checkpoint's step is the last number of its name", () => {
  assert.deepEqual(["checkpoints/step-000400.safetensors", "run2/epoch-3.pt", "model_v2-001200.npz"].map(stepOf), [400, 3, 1200]);
  assert.equal(stepOf("checkpoints/best.safetensors"), null);
  assert.equal(stepText("checkpoints/best.safetensors"), "best.safetensors");
});
