"use strict";
// dist/ from the sources, when they changed.
const fs = require("node:fs");
const path = require("node:path");
const { capture } = require("./io/children.cjs");
const { SetupError } = require("./io/log.cjs");
const { STAMP, computeStamps, readStamps } = require("./stamp.cjs");

/** Compiles when dist/ is not made from these sources; true when it did. */
async function build(root, node, log) {
  const wanted = computeStamps(root);
  if (!wanted) throw new SetupError(`no sources to compile in ${root}: this is not a complete checkout`);
  const built = readStamps(root);
  if (built && built.program === wanted.program && built.tests === wanted.tests) return false;

  const dist = path.join(root, "dist");
  // Without a stamp dist/ may be anything; the compiler's own memory would make it leave out what it once wrote.
  if (!built) fs.rmSync(path.join(dist, ".tsbuildinfo"), { force: true });
  fs.rmSync(path.join(root, STAMP), { force: true });
  const progress = log.progress("build", "tsc");
  const compiler = path.join(root, "node_modules", "typescript", "lib", "tsc.js");
  const result = await capture(node.executable, [compiler, "-p", ".", "--pretty", String(Boolean(process.stderr.isTTY))], { cwd: root });
  progress.done(result.code === 0 ? "compiled" : "failed");
  if (result.code !== 0) throw new SetupError(`The sources do not compile:\n${result.output.trim()}`);
  removeOrphans(root, dist);
  // The sources as they were when the compiler was started: what was edited meanwhile counts as not built.
  fs.writeFileSync(path.join(root, STAMP), `${JSON.stringify({ v: 1, ...wanted })}\n`);
  return true;
}

/** tsc leaves behind what it made from sources that are gone; a test deleted yesterday would still run. */
function removeOrphans(root, dist) {
  const visit = (directory) => {
    for (const item of fs.readdirSync(directory, { withFileTypes: true })) {
      const full = path.join(directory, item.name);
      if (item.isDirectory()) {
        visit(full);
        continue;
      }
      const base = /^(.*?)\.(?:js|js\.map|d\.ts)$/.exec(path.relative(dist, full));
      if (base && !fs.existsSync(path.join(root, `${base[1]}.ts`))) fs.unlinkSync(full);
    }
  };
  visit(dist);
}

module.exports = { build };
