// Instances are real: what runs on them, what survives which end, and what a guest may not see.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { AdminInstance } from "../../sandbox/index.js";
import { eventually, first, mustExist, openSandbox, registerKey, ssh, sshOptions, type KeyPair, type Sandbox, type Shown } from "./fixture.js";

const run = promisify(execFile);

interface Rented {
  readonly sandbox: Sandbox;
  readonly key: KeyPair;
  readonly instance: Shown;
  /** Runs a command on it. */
  readonly on: (command: string) => Promise<string>;
  readonly machine: () => Promise<AdminInstance>;
}

async function rent(t: TestContext): Promise<Rented> {
  const sandbox = await openSandbox(t);
  const key = await registerKey(t, sandbox);
  await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const instance = await sandbox.launchAndWait({ name: "box", hostname: "node1", file_system_names: ["data"] });
  return {
    ...{ sandbox, key, instance },
    on: (command) => ssh(sandbox, key, instance.ip, command),
    machine: async () => mustExist((await sandbox.machines()).find(({ id }) => id === instance.id)),
  };
}

test("a rented instance trains: key login, numpy, a detached session, a pull", async (t) => {
  const { sandbox, key, instance, on } = await rent(t);
  assert.match(instance.ip, /^127\.77\.\d+\.\d+$/);
  assert.equal(await on("id -un; hostname; echo $HOME"), "ubuntu\nnode1\n/home/ubuntu");
  assert.equal(await on(`/usr/bin/python3 -c 'import numpy; print(int(numpy.ones((2, 3)).sum()))'`), "6");
  assert.equal(await on("command -v tmux rsync sh sshd"), "/usr/bin/tmux\n/usr/bin/rsync\n/usr/bin/sh\n/usr/sbin/sshd");

  await on("tmux new-session -d -s train 'while :; do date +%s%N > /lambda/nfs/data/beat; sleep 0.05; done'");
  const beat = await eventually("the detached session writes", async () => (await on("cat /lambda/nfs/data/beat 2>/dev/null || true")) || undefined);
  await eventually("it goes on after the login ended", async () => ((await on("cat /lambda/nfs/data/beat")) === beat ? undefined : true));
  assert.match(await on("tmux ls"), /^train: 1 windows/);

  const target = mkdtempSync(join(tmpdir(), "holdfast-pull-"));
  t.after(() => { rmSync(target, { recursive: true, force: true }); });
  await on("mkdir -p /lambda/nfs/data/out && head -c 100000 /dev/urandom > /lambda/nfs/data/out/weights && sha256sum /lambda/nfs/data/out/weights | cut -c1-64 > /lambda/nfs/data/sum");
  await run("rsync", ["-a", "-e", ["ssh", ...sshOptions(key, sandbox.descriptor.sshPort)].join(" "), `ubuntu@${instance.ip}:/lambda/nfs/data/out/`, `${target}/`]);
  const { stdout } = await run("sha256sum", [join(target, "weights")]);
  assert.equal(stdout.slice(0, 64), await on("cat /lambda/nfs/data/sum"));
});

test("a stranger's key does not open an instance", async (t) => {
  const { sandbox, instance } = await rent(t);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-key-"));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "id")]);
  await assert.rejects(ssh(sandbox, { file: join(folder, "id"), publicKey: "" }, instance.ip, "true"));
});

test("terminate destroys the local disk and keeps the file system", async (t) => {
  const { sandbox, instance, on, machine } = await rent(t);
  await on("echo precious > /lambda/nfs/data/result && echo gone > /home/ubuntu/scratch");
  const { disk, initPid } = await machine();
  assert.equal(readFileSync(join(mustExist(disk), "home/scratch"), "utf8"), "gone\n");
  const fileSystem = await sandbox.fileSystem();

  await sandbox.terminate(instance.id);
  await sandbox.until(instance.id, "404");
  assert.equal(existsSync(mustExist(disk)), false);
  assert.equal(existsSync(`/proc/${mustExist(initPid)}`), false);
  assert.equal(readFileSync(join(fileSystem.path, "result"), "utf8"), "precious\n");

  const next = await sandbox.launchAndWait({ file_system_names: ["data"] });
  assert.equal((await sandbox.machines()).length, 1);
  assert.notEqual(next.id, instance.id);
  await sandbox.terminate(next.id);
  await sandbox.until(next.id, "404");
  await sandbox.ok("DELETE", `/filesystems/${fileSystem.id}`);
  assert.equal(existsSync(fileSystem.path), false);
});

test("a restart ends sessions and /tmp, keeps the home, and shows another boot", async (t) => {
  const { sandbox, instance, on } = await rent(t);
  await on("tmux new-session -d -s train 'sleep 1000'; echo kept > ~/note; echo lost > /tmp/note");
  const bootId = await on("cat /proc/sys/kernel/random/boot_id");
  const restarted = first(await sandbox.restart(instance.id));
  assert.deepEqual([restarted.status, restarted.actions.restart.reason_code], ["active", "vm-action-in-progress"]);
  await eventually("the restart is over", async () => ((await sandbox.ok("GET", `/instances/${instance.id}`)).actions.restart.available ? true : undefined));
  assert.equal(await on("cat ~/note; tmux ls 2>&1 | grep -c . ; test -e /tmp/note || echo no tmp"), "kept\n1\nno tmp");
  assert.match(await on("tmux ls 2>&1 || true"), /no server running|error connecting/);
  assert.notEqual(await on("cat /proc/sys/kernel/random/boot_id"), bootId);
});

test("an instance that crashes or shuts itself down is unhealthy and bills on until it is terminated", async (t) => {
  const { sandbox, instance, on } = await rent(t);
  await on("sudo shutdown -h now || true").catch(() => "the connection ends with the machine");
  await sandbox.until(instance.id, "unhealthy");
  assert.ok((await sandbox.meter()).billing.some((one) => one.id === instance.id));

  await sandbox.restart(instance.id);
  await sandbox.until(instance.id, "active");
  await sandbox.admin("POST", `/instances/${instance.id}/crash`);
  await sandbox.until(instance.id, "unhealthy");
  await assert.rejects(on("true"));
  await sandbox.terminate(instance.id);
  assert.ok(!(await sandbox.meter()).billing.some((one) => one.id === instance.id));
});

test("a reboot from inside comes back by itself", async (t) => {
  const { sandbox, instance, on, machine } = await rent(t);
  const before = (await machine()).initPid;
  await on("sudo reboot || true").catch(() => "the connection ends with the machine");
  await eventually("another PID 1", async () => ((await machine()).alive && (await machine()).initPid !== before ? true : undefined));
  await eventually("it answers again", async () => on("echo back").catch(() => undefined));
  assert.equal((await sandbox.ok("GET", `/instances/${instance.id}`)).status, "active");
});

test("a program that is told to end has time to save before a power-off", async (t) => {
  const { sandbox, instance, on } = await rent(t);
  await on(`tmux new-session -d -s train 'trap "echo saved > /lambda/nfs/data/state; exit" TERM HUP; echo up > /lambda/nfs/data/state; while :; do sleep 0.02; done'`);
  const { path } = await sandbox.fileSystem();
  const state = (): string | undefined => (existsSync(join(path, "state")) ? readFileSync(join(path, "state"), "utf8").trim() : undefined);
  await eventually("the trainer is up", () => Promise.resolve(state() === "up" ? true : undefined));
  await sandbox.admin("POST", `/instances/${instance.id}/poweroff`);
  assert.equal(state(), "saved");
});

test("a guest sees neither the host's home nor its processes nor the project", async (t) => {
  const { on } = await rent(t);
  assert.equal(await on("ls -A /root /home /opt /srv /mnt 2>/dev/null | grep -v : | tr -d '\\n'"), "ubuntu");
  assert.equal(await on(`ls -d ${process.cwd()} ${tmpdir()}/holdfast-* 2>/dev/null | wc -l`), "0");
  assert.ok(Number(await on("ps ax | wc -l")) < 15);
  assert.equal(await on("touch /usr/x /x 2>/dev/null && echo writable || echo read-only"), "read-only");
  assert.ok(!(await on("ps axww; env")).includes(tmpdir()));
});

test("two instances of one file system see the same file at once", async (t) => {
  const { sandbox, key, on } = await rent(t);
  const second = await sandbox.launchAndWait({ file_system_names: ["data"] });
  await on("echo shared > /lambda/nfs/data/file");
  assert.equal(await ssh(sandbox, key, second.ip, "cat /lambda/nfs/data/file"), "shared");
});
