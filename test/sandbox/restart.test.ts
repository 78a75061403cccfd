// The daemon comes and goes; instances, promises and bills do not.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { daemonStatus, ensureDaemon, resetSandbox, startDaemon, stopDaemon } from "../../sandbox/index.js";
import { identify, isAlive, untilGone } from "../../sandbox/process/identity.js";
import { unsupported } from "../../sandbox/instance/support.js";
import { UserError } from "../../custody/userError.js";
import { eventually, fast, first, mustExist, registerKey, Sandbox, ssh, stateDir } from "./fixture.js";

test("callers at the same moment start one daemon, and it inherits no secret of theirs", async (t) => {
  const dir = stateDir(t);
  process.env["PULUMI_CONFIG_PASSPHRASE"] = "very-secret";
  t.after(() => delete process.env["PULUMI_CONFIG_PASSPHRASE"]);
  const descriptors = await Promise.all([1, 2, 3].map(() => ensureDaemon(dir, { knobs: fast })));
  assert.equal(new Set(descriptors.map(({ pid }) => pid)).size, 1);
  const descriptor = mustExist(descriptors[0]);
  assert.deepEqual(await ensureDaemon(dir), descriptor);
  assert.ok(!readFileSync(`/proc/${descriptor.pid}/environ`, "utf8").includes("very-secret"));
  assert.match(descriptor.url, /^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/);
  assert.equal(statSync(descriptor.apiKeyFile).mode & 0o777, 0o600);
  assert.match(readFileSync(descriptor.apiKeyFile, "utf8"), /^secret_sandbox_[0-9a-f]+\n$/);
  await assert.rejects(startDaemon({ dir }), (error: unknown) => error instanceof UserError && error.code === "sandbox-already-running");
  const status = await daemonStatus(dir);
  assert.ok(status.running && status.meter.billing.length === 0);
  assert.equal(await stopDaemon(dir), true);
  assert.equal(await stopDaemon(dir), false);
  assert.deepEqual(await daemonStatus(dir), { running: false, dir });
});

test("a daemon that is killed leaves its instance training, and the next one takes it over", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  const key = await registerKey(t, sandbox);
  await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const { id, ip } = await sandbox.launchAndWait({ file_system_names: ["data"] });
  await ssh(sandbox, key, ip, "tmux new-session -d -s train 'sleep 1000'");
  const [before] = await sandbox.machines();
  const { url, pid } = sandbox.descriptor;

  process.kill(pid, "SIGKILL");
  await untilGone([{ pid, startTicks: sandbox.descriptor.startTicks }], 5_000);
  assert.match(await ssh(sandbox, key, ip, "tmux ls"), /train/);

  sandbox.descriptor = await ensureDaemon(dir);
  assert.notEqual(sandbox.descriptor.pid, pid);
  assert.equal(sandbox.descriptor.url, url, "a remembered URL stays right");
  const [after] = await sandbox.machines();
  assert.deepEqual([after?.initPid, after?.alive, after?.status], [before?.initPid, true, "active"]);
  const meter = await sandbox.meter();
  assert.equal(meter.resources.filter((one) => one.id === id).length, 1, "billed once, without a gap");

  await sandbox.terminate(id);
  await sandbox.until(id, "404");
  assert.equal(existsSync(`/proc/${mustExist(after?.initPid)}`), false, "an adopted instance can be ended");
});

test("what was on its way when the daemon was killed arrives", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: { ...fast, timeScale: 60 } }));
  await registerKey(t, sandbox);
  const booting = await sandbox.launch();
  const doomed = await sandbox.launch();
  await sandbox.terminate(doomed);
  process.kill(sandbox.descriptor.pid, "SIGKILL");
  await untilGone([sandbox.descriptor], 5_000);
  sandbox.descriptor = await ensureDaemon(dir);
  await sandbox.until(booting, "active");
  await sandbox.until(doomed, "404");
});

test("a daemon killed between starting an instance and writing that down leaves no second copy of it", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  await registerKey(t, sandbox);
  const id = await sandbox.launch();
  await sandbox.until(id, "active");
  const unrecorded = mustExist(identify(mustExist(first(await sandbox.machines()).initPid)));
  process.kill(sandbox.descriptor.pid, "SIGKILL");
  await untilGone([sandbox.descriptor], 5_000);
  const file = join(dir, "state.json");
  const state = JSON.parse(readFileSync(file, "utf8")) as { machines: Record<string, object>; vendors: { lambda: { instances: Record<string, object> } } };
  Object.assign(mustExist(state.machines[id]), { running: null, power: "off" });
  Object.assign(mustExist(state.vendors.lambda.instances[id]), { status: "booting", booted: false });
  writeFileSync(file, JSON.stringify(state));
  sandbox.descriptor = await ensureDaemon(dir);
  assert.equal(isAlive(unrecorded), false);
  await sandbox.until(id, "active");
  assert.notEqual(first(await sandbox.machines()).initPid, unrecorded.pid);
});

test("an instance that ended while no daemon was there is found unhealthy", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  await registerKey(t, sandbox);
  const { id } = await sandbox.launchAndWait();
  const init = mustExist(identify(mustExist((await sandbox.machines())[0]?.initPid)));
  process.kill(sandbox.descriptor.pid, "SIGKILL");
  await untilGone([sandbox.descriptor], 5_000);
  process.kill(init.pid, "SIGKILL");
  await untilGone([init], 5_000);
  sandbox.descriptor = await ensureDaemon(dir);
  await sandbox.until(id, "unhealthy");
});

test("a stop leaves no process and bills nothing meanwhile; the next start boots the instance again", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  const key = await registerKey(t, sandbox);
  const { id, ip } = await sandbox.launchAndWait();
  await ssh(sandbox, key, ip, "echo kept > ~/note");
  const init = mustExist(identify(mustExist((await sandbox.machines())[0]?.initPid)));
  await stopDaemon(dir);
  assert.deepEqual([isAlive(init), isAlive(sandbox.descriptor)], [false, false]);
  const stopped = JSON.parse(readFileSync(join(dir, "state.json"), "utf8")) as { clock: { vendorBaseMs: number; paused: boolean } };
  assert.equal(stopped.clock.paused, true);

  sandbox.descriptor = await ensureDaemon(dir);
  await eventually("it answers again", async () => ssh(sandbox, key, ip, "cat ~/note").catch(() => undefined));
  assert.equal((await sandbox.until(id, "active")).ip, ip);
});

test("a stop that keeps instances keeps them", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  const key = await registerKey(t, sandbox);
  const { ip } = await sandbox.launchAndWait();
  await stopDaemon(dir, { keepInstances: true });
  assert.equal(await ssh(sandbox, key, ip, "echo alive"), "alive");
  sandbox.descriptor = await ensureDaemon(dir);
  assert.equal((await sandbox.machines())[0]?.alive, true);
});

test("a reset ends everything, also without a daemon and with an unreadable state", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  await registerKey(t, sandbox);
  await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  await sandbox.launchAndWait({ file_system_names: ["data"] });
  const init = mustExist(identify(mustExist((await sandbox.machines())[0]?.initPid)));
  process.kill(sandbox.descriptor.pid, "SIGKILL");
  await untilGone([sandbox.descriptor], 5_000);
  writeFileSync(join(dir, "state.json"), "{ half");
  await assert.rejects(ensureDaemon(dir), (error: unknown) => error instanceof UserError && error.code === "sandbox-state-unreadable");
  assert.equal(isAlive(init), true);
  await resetSandbox(dir);
  assert.equal(isAlive(init), false);
  for (const name of ["instances", "filesystems", "state.json", "api-key", "daemon.json"]) assert.equal(existsSync(join(dir, name)), false, name);
  sandbox.descriptor = await ensureDaemon(dir, { knobs: fast });
  assert.deepEqual(await sandbox.list("/file-systems"), []);
});

test("a daemon whose state directory is deleted ends itself and its instances", async (t) => {
  const dir = stateDir(t);
  const sandbox = new Sandbox(dir, await ensureDaemon(dir, { knobs: fast }));
  await registerKey(t, sandbox);
  await sandbox.launchAndWait();
  const init = mustExist(identify(mustExist((await sandbox.machines())[0]?.initPid)));
  rmSync(dir, { recursive: true, force: true });
  assert.equal(await untilGone([init, sandbox.descriptor], 20_000), true);
});

test("a machine without user namespaces is told the one command that allows them", () => {
  const settings: Record<string, string> = { "kernel/unprivileged_userns_clone": "0", "kernel/apparmor_restrict_unprivileged_userns": "1" };
  const error = unsupported("bwrap: No permissions to create new namespace\nmore", (name) => settings[name]);
  assert.deepEqual(error.next, ["sudo sysctl -w kernel.unprivileged_userns_clone=1", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"]);
  assert.match(error.message, /user namespaces.*No permissions to create new namespace\)\.$/);
  assert.match(mustExist(unsupported("x", () => undefined).next[0]), /container/);
});
