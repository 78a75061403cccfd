"use strict";
// The system programs that runs and the sandbox need: found, installed when we are root, or named in one command to type.
const fs = require("node:fs");
const path = require("node:path");
const { capture } = require("./io/children.cjs");
const { SetupError } = require("./io/log.cjs");

// sshd is started by path and usually not on a user's PATH.
const SYSTEM_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin"];
// Sandbox instances see the system's /usr and nothing of the user's home, so a pyenv or conda python3 on PATH is no help.
const SYSTEM_PYTHON = "/usr/bin/python3";

// Package names by manager; the key order is the order of asking which manager this machine has.
const MANAGERS = {
  "apt-get": {
    refresh: ["update"],
    install: ["install", "-y", "--no-install-recommends"],
    packages: { ssh: "openssh-client", sshd: "openssh-server", rsync: "rsync", tmux: "tmux", bwrap: "bubblewrap", python3: "python3", numpy: "python3-numpy", shellcheck: "shellcheck" },
  },
  dnf: {
    install: ["install", "-y"],
    packages: { ssh: "openssh-clients", sshd: "openssh-server", rsync: "rsync", tmux: "tmux", bwrap: "bubblewrap", python3: "python3", numpy: "python3-numpy", shellcheck: "ShellCheck" },
  },
  pacman: {
    install: ["-Sy", "--needed", "--noconfirm"],
    packages: { ssh: "openssh", sshd: "openssh", rsync: "rsync", tmux: "tmux", bwrap: "bubblewrap", python3: "python", numpy: "python-numpy", shellcheck: "shellcheck" },
  },
  apk: {
    install: ["add"],
    packages: { ssh: "openssh-client", sshd: "openssh-server", rsync: "rsync", tmux: "tmux", bwrap: "bubblewrap", python3: "python3", numpy: "py3-numpy", shellcheck: "shellcheck" },
  },
  zypper: {
    install: ["--non-interactive", "install"],
    packages: { ssh: "openssh-clients", sshd: "openssh-server", rsync: "rsync", tmux: "tmux", bwrap: "bubblewrap", python3: "python3", numpy: "python3-numpy", shellcheck: "ShellCheck" },
  },
};

/**
 * The machine as this file sees it; tests hand in another one.
 * @typedef {{path: string, isRoot: boolean, python: string, run: typeof capture}} Machine
 */
function thisMachine() {
  return { path: process.env.PATH || "", isRoot: process.getuid ? process.getuid() === 0 : false, python: SYSTEM_PYTHON, run: capture };
}

/** The path of a program, or null. */
function findProgram(name, machine = thisMachine()) {
  for (const directory of [...machine.path.split(path.delimiter), ...(name === "sshd" ? SYSTEM_DIRECTORIES : [])]) {
    if (directory && isExecutable(path.join(directory, name))) return path.join(directory, name);
  }
  return null;
}

/** Which of the needed programs are missing, in the order of `names` ("numpy" is python3's module). */
async function missingPrograms(names, machine = thisMachine()) {
  const missing = [];
  for (const name of names) {
    if (name === "python3") {
      if (!isExecutable(machine.python)) missing.push(name);
    } else if (name === "numpy") {
      const look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('numpy') is None)";
      if ((await machine.run(machine.python, ["-c", look])).code !== 0) missing.push(name);
    } else if (!findProgram(name, machine)) missing.push(name);
  }
  return missing;
}

const NEEDED = ["ssh", "sshd", "rsync", "tmux", "bwrap", "python3", "numpy"];

/** Sees to it that all needed programs are there and that the sandbox can work; true when something was installed. */
async function obtainPrograms(log, machine = thisMachine()) {
  const missing = await missingPrograms(NEEDED, machine);
  if (missing.length > 0) await install(missing, log, machine);
  await checkNamespaces(machine);
  return missing.length > 0;
}

/** Installs what `missing` names, or throws with the command to type. */
async function install(missing, log, machine = thisMachine()) {
  const name = Object.keys(MANAGERS).find((candidate) => findProgram(candidate, machine));
  if (!name) {
    throw new SetupError(
      `Missing on this machine: ${missing.join(", ")}. Install OpenSSH (client and server), rsync, tmux, bubblewrap and ` +
        `Python 3 with numpy (as ${machine.python}) by whatever means this system has, then run this again.`,
    );
  }
  const manager = MANAGERS[name];
  const packages = [...new Set(missing.map((program) => manager.packages[program]))];
  const steps = [...(manager.refresh ? [manager.refresh] : []), [...manager.install, ...packages]];
  const command = steps.map((args) => `${name} ${args.join(" ")}`);
  if (!machine.isRoot) {
    throw new SetupError(
      `Missing on this machine: ${missing.join(", ")}. Type this, then run this again:\n\n  ${command.map((c) => `sudo ${c}`).join(" && ")}\n`,
    );
  }
  const progress = log.progress("programs", `${name} installs ${packages.join(" ")}`);
  const restore = missing.includes("sshd") ? keepSshdFromStarting(name) : () => undefined;
  try {
    for (const args of steps) {
      const result = await machine.run(findProgram(name, machine), args, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
      if (result.code !== 0) {
        progress.done("failed");
        throw new SetupError(`\`${name} ${args.join(" ")}\` failed:\n${result.output.trim()}`);
      }
    }
  } finally {
    restore();
  }
  const left = await missingPrograms(missing, machine);
  progress.done(left.length === 0 ? `${packages.join(" ")} installed` : "incomplete");
  if (left.length > 0) throw new SetupError(`Still missing after \`${command.join(" && ")}\`: ${left.join(", ")}.`);
}

/**
 * Debian's openssh-server starts listening on port 22 as soon as it is installed. Only its program is wanted here, so a
 * machine that had none must not become reachable: policy-rc.d is Debian's switch for that.
 */
function keepSshdFromStarting(manager) {
  const policy = "/usr/sbin/policy-rc.d";
  if (manager !== "apt-get" || fs.existsSync(policy)) return () => undefined;
  fs.writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  return () => fs.rmSync(policy, { force: true });
}

/** Sandbox instances are bubblewrap containers made by an ordinary user: some systems forbid that. */
async function checkNamespaces(machine = thisMachine(), readSetting = readSysctl) {
  const probe = ["--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"];
  const result = await machine.run(findProgram("bwrap", machine), probe);
  if (result.code === 0) return;
  throw new SetupError(
    `bubblewrap cannot make a user namespace here, so the sandbox's instances cannot start (${result.output.trim()}).\n${namespaceRemedy(readSetting)}`,
  );
}

function namespaceRemedy(readSetting) {
  if (readSetting("kernel.apparmor_restrict_unprivileged_userns") === "1") {
    return "AppArmor restricts them on this system (Ubuntu 24.04's default). To allow them until the next boot, type:\n\n  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n";
  }
  if (readSetting("kernel.unprivileged_userns_clone") === "0") {
    return "They are switched off on this system. To allow them until the next boot, type:\n\n  sudo sysctl -w kernel.unprivileged_userns_clone=1\n";
  }
  if (readSetting("user.max_user_namespaces") === "0") {
    return "Their number is limited to none on this system. To allow them until the next boot, type:\n\n  sudo sysctl -w user.max_user_namespaces=15000\n";
  }
  return "Inside a container, start it with `--privileged`, or with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`.";
}

function readSysctl(name) {
  try {
    return fs.readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return null;
  }
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

module.exports = { NEEDED, findProgram, missingPrograms, obtainPrograms, install, checkNamespaces, isExecutable };
