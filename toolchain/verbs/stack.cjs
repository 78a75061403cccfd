"use strict";
// Which stack a wrapped command means, made when it may be, and freed from the lock of an engine that died.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { capture } = require("../io/children.cjs");
const { SetupError } = require("../io/log.cjs");
const { exists, startedAt } = require("../io/processes.cjs");

const DEFAULT = "dev";

/** The stack that the arguments or PULUMI_STACK name, or null. */
function namedStack(args, env) {
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--") break;
    if (args[i] === "--stack" || args[i] === "-s") return args[i + 1] || null;
    const joined = /^(?:--stack|-s)=(.+)$/.exec(args[i]);
    if (joined) return joined[1];
  }
  return env.PULUMI_STACK || null;
}

/**
 * The stack to work on: the named one, else the selected one, else `dev`. It is made if it does not exist, when `create` allows
 * it and it is the default or has a Pulumi.<name>.yaml: a mistyped name must not become an empty stack.
 * @param {{engine: string, project: string, args: string[], env: object, create: boolean, log: object}} options
 *   `engine`: path of the pulumi executable
 */
async function chooseStack({ engine, project, args, env, create, log }) {
  const named = namedStack(args, env);
  const run = (words) => capture(engine, [...words, "--non-interactive"], { cwd: project, env });
  const listed = await run(["stack", "ls", "--json"]);
  let stacks;
  try {
    if (listed.code !== 0) throw new Error("refused");
    stacks = JSON.parse(listed.output);
  } catch {
    throw new SetupError(`\`pulumi stack ls\` failed:\n${listed.output.trim()}`);
  }
  const selected = stacks.find((stack) => stack.current);
  const name = named || (selected ? selected.name : DEFAULT);
  const short = name.split("/").pop();
  if (stacks.some((stack) => stack.name === name || stack.name.split("/").pop() === short)) return name;
  if (!create || (short !== DEFAULT && !fs.existsSync(path.join(project, `Pulumi.${short}.yaml`)))) return name;
  const made = await run(["stack", "init", name, ...(named ? ["--no-select"] : [])]);
  if (made.code !== 0) throw new SetupError(`\`pulumi stack init ${name}\` failed:\n${made.output.trim()}`);
  log.line(`stack: ${name} created`);
  return name;
}

/**
 * Removes the locks whose engine is dead, on this machine and on a backend made of files. `pulumi cancel` would remove the
 * lock of a living engine too, if one came between the look and the removal; here only the files looked at go.
 * @returns {string[]} what was removed, for the log
 */
function removeDeadLocks({ project, stack, backendUrl, host = os.hostname() }) {
  if (!backendUrl || !backendUrl.startsWith("file:///")) return [];
  const directory = path.join(fileURLToPath(backendUrl.split("?")[0]), ".pulumi", "locks", "organization", projectName(project), stack.split("/").pop());
  const removed = [];
  for (const file of listFiles(directory)) {
    let lock;
    try {
      lock = JSON.parse(fs.readFileSync(file, "utf8"));
    } catch {
      continue; // half written, so its writer lives, or not a lock
    }
    if (lock.hostname !== host || !Number.isInteger(lock.pid) || !isDead(lock)) continue;
    fs.rmSync(file, { force: true });
    fs.rmSync(`${file}.attrs`, { force: true });
    removed.push(`process ${lock.pid}, ${lock.username}@${lock.hostname}, since ${lock.timestamp}`);
  }
  return removed;
}

/** Gone, or the number belongs by now to a process that started after the lock was taken. */
function isDead({ pid, timestamp }) {
  if (!exists(pid)) return true;
  const start = startedAt(pid);
  return start !== null && start > Date.parse(timestamp) + 2_000; // clock ticks are coarse; an engine locks long after its start
}

function listFiles(directory) {
  try {
    return fs.readdirSync(directory).filter((name) => name.endsWith(".json")).map((name) => path.join(directory, name));
  } catch {
    return [];
  }
}

function projectName(project) {
  const match = /^name:\s*["']?([^\s"'#]+)/m.exec(fs.readFileSync(path.join(project, "Pulumi.yaml"), "utf8"));
  if (!match) throw new SetupError(`${path.join(project, "Pulumi.yaml")} has no name`);
  return match[1];
}

module.exports = { namedStack, chooseStack, removeDeadLocks };
