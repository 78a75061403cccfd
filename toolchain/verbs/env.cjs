"use strict";
// `holdfast env`: what makes plain `pulumi` work in a shell, by eval.
const { engineEnvironment, ensureBackend, exportLines } = require("../env.cjs");
const { setUp } = require("../setup.cjs");

/**
 * Obtains the engine if need be and answers the shell's lines.
 * @param {{root: string, project: string, log: object}} options `root`: Holdfast's own folder; `project`: the one with Pulumi.yaml
 */
async function environmentLines({ root, project, log }) {
  const { node, engine } = await setUp({ log, root, steps: ["engine"], quiet: true });
  const set = engineEnvironment({ project, engine, node });
  ensureBackend(project, set);
  return exportLines(set);
}

module.exports = { environmentLines };
