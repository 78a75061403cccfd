import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { folder, load, type Log, recorder, script } from "./toolchain.js";

type Run = (program: string, args: string[]) => Promise<{ code: number; output: string; expired: boolean }>;
interface Machine {
  path: string;
  isRoot: boolean;
  python: string;
  run: Run;
}
const { NEEDED, missingPrograms, obtainPrograms, checkNamespaces } = load("programs.cjs") as {
  NEEDED: string[];
  missingPrograms: (names: string[], machine: Machine) => Promise<string[]>;
  obtainPrograms: (log: Log, machine: Machine) => Promise<boolean>;
  checkNamespaces: (machine: Machine, readSetting: (name: string) => string | null) => Promise<void>;
};
const { capture } = load("io/children.cjs") as { capture: Run };

/** A machine whose PATH holds just these programs, each of which succeeds. */
function machine(t: TestContext, programs: string[], isRoot = false): Machine & { bin: string } {
  const bin = folder(t);
  for (const name of programs) script(path.join(bin, name), "exit 0");
  return { bin, path: bin, isRoot, python: path.join(bin, "system-python3"), run: capture };
}

test("a machine that lacks programs is told the one command to type, in its own manager's words", async (t) => {
  const expected: Record<string, string> = {
    "apt-get": "sudo apt-get update && sudo apt-get install -y --no-install-recommends rsync bubblewrap python3 python3-numpy",
    dnf: "sudo dnf install -y rsync bubblewrap python3 python3-numpy",
    pacman: "sudo pacman -Sy --needed --noconfirm rsync bubblewrap python python-numpy",
    apk: "sudo apk add rsync bubblewrap python3 py3-numpy",
    zypper: "sudo zypper --non-interactive install rsync bubblewrap python3 python3-numpy",
  };
  for (const [manager, command] of Object.entries(expected)) {
    const own = machine(t, ["ssh", "sshd", "tmux", manager]);
    await assert.rejects(obtainPrograms(recorder(), own), (error: Error) => {
      assert.match(error.message, /Missing on this machine: rsync, bwrap, python3, numpy\./);
      assert.equal(error.message.split("\n").find((line) => line.startsWith("  ")), `  ${command}`);
      return true;
    });
  }
});

test("without a known manager the programs are named all the same", async (t) => {
  await assert.rejects(obtainPrograms(recorder(), machine(t, ["ssh", "sshd", "rsync", "python3"])), /Missing on this machine: tmux, bwrap, python3, numpy\..*bubblewrap/s);
});

test("root gets them installed, and a package that did not help is not called success", async (t) => {
  const own = machine(t, ["ssh", "sshd", "rsync", "bwrap", "system-python3"], true);
  const log = path.join(own.bin, "log");
  script(path.join(own.bin, "apt-get"), `echo "$DEBIAN_FRONTEND $*" >> ${log}; [ "$1" = update ] || { printf '#!/bin/sh\\n' > ${own.bin}/tmux; /bin/chmod +x ${own.bin}/tmux; }`);
  assert.equal(await obtainPrograms(recorder(), own), true);
  assert.equal(fs.readFileSync(log, "utf8"), "noninteractive update\nnoninteractive install -y --no-install-recommends tmux\n");
  assert.equal(await obtainPrograms(recorder(), own), false, "the second time there is nothing to do");

  fs.unlinkSync(path.join(own.bin, "tmux"));
  script(path.join(own.bin, "apt-get"), "exit 0");
  await assert.rejects(obtainPrograms(recorder(), own), /Still missing after .*: tmux\./);
  script(path.join(own.bin, "apt-get"), "echo no such package; exit 100");
  await assert.rejects(obtainPrograms(recorder(), own), /`apt-get update` failed:\nno such package/);
});

test("numpy of a Python that instances cannot see does not count", async (t) => {
  const own = machine(t, ["python3", ...NEEDED.filter((name) => name !== "python3" && name !== "numpy")]);
  assert.deepEqual(await missingPrograms(NEEDED, own), ["python3", "numpy"]);
  script(own.python, "exit 1");
  assert.deepEqual(await missingPrograms(NEEDED, own), ["numpy"]);
});

test("where user namespaces are switched off, the setting that does it is named", async (t) => {
  const own = machine(t, []);
  script(path.join(own.bin, "bwrap"), "echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
  const remedies: [Record<string, string>, RegExp][] = [
    [{ "kernel.apparmor_restrict_unprivileged_userns": "1" }, /AppArmor.*sudo sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/s],
    [{ "kernel.unprivileged_userns_clone": "0" }, /sudo sysctl -w kernel\.unprivileged_userns_clone=1/],
    [{ "user.max_user_namespaces": "0" }, /sudo sysctl -w user\.max_user_namespaces=15000/],
    [{ "kernel.unprivileged_userns_clone": "1" }, /Inside a container/],
  ];
  for (const [settings, remedy] of remedies) {
    await assert.rejects(checkNamespaces(own, (name) => settings[name] ?? null), (error: Error) => {
      assert.match(error.message, /No permissions to create new namespace/);
      assert.match(error.message, remedy);
      return true;
    });
  }
});
