"use strict";
// `npm run up|preview|destroy`: the engine with everything around it taken care of. Any other pulumi command goes through
// with environment and engine only.
const fs = require("node:fs");
const path = require("node:path");
const { attach } = require("../io/children.cjs");
const { engineEnvironment, ensureBackend } = require("../env.cjs");
const { chooseStack, namedStack, removeDeadLocks } = require("./stack.cjs");
const { setUp } = require("../setup.cjs");

const CREATES = ["up", "update", "preview"];
const LOCKS = [...CREATES, "destroy", "refresh"];

/** @returns {Promise<number>} the engine's exit code */
async function pulumi(args, { log, root, env = process.env }) {
  const { node, engine } = await setUp({ log, root, env, steps: ["build", "engine"], quiet: true });
  const set = engineEnvironment({ project: root, engine, node, env });
  ensureBackend(root, set);
  const childEnv = { ...env, ...set };
  const program = path.join(engine.directory, "pulumi");
  const [command, ...rest] = args;
  if (!LOCKS.includes(command) || rest.includes("--help") || rest.includes("-h")) {
    return attach(program, args, { cwd: root, env: childEnv });
  }
  const stack = await chooseStack({ engine: program, project: root, args: rest, env: childEnv, create: CREATES.includes(command), log });
  for (const lock of removeDeadLocks({ project: root, stack, backendUrl: childEnv.PULUMI_BACKEND_URL })) {
    log.line(`stack: ${stack} was locked by an engine that is no longer running (${lock}); the lock is removed`);
  }
  return attach(program, [command, ...additions(command, rest, stack, { root, env: childEnv }), ...rest], { cwd: root, env: childEnv });
}

/** What a person would have to type each time: the stack, and the project's own policies where the command takes any. */
function additions(command, args, stack, { root, env }) {
  const added = namedStack(args, {}) === null && !env.PULUMI_STACK ? ["--stack", stack] : [];
  const pack = path.join(root, "policy");
  const chosen = args.some((word) => word === "--policy-pack" || word.startsWith("--policy-pack="));
  if (CREATES.includes(command) && !chosen && fs.existsSync(path.join(pack, "PulumiPolicy.yaml"))) added.push("--policy-pack", pack);
  return added;
}

module.exports = { pulumi, additions };
