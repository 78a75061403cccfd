"use strict";
// `npm test`: node's own runner over the compiled tests; the last line is the count that a machine can read.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { attach } = require("../io/children.cjs");
const { SetupError } = require("../io/log.cjs");

const SLOWEST = 10;

/**
 * @param {string[]} args words pick the files whose path contains one of them; flags go to the runner
 * @param {{directory: string, node: {executable: string}, env: object, cwd: string, print?: (line: string) => void}} options
 *   `directory`: where the *.test.js files lie
 * @returns {Promise<number>} 0 only when at least one test ran and none failed
 */
async function runTests(args, { directory, node, env, cwd, print = console.log }) {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const flags = args.filter((arg) => arg.startsWith("-"));
  const files = testFiles(directory).filter((file) => words.length === 0 || words.some((word) => path.relative(directory, file).includes(word)));
  if (files.length === 0) throw new SetupError(`No test file matches ${words.map((word) => `"${word}"`).join(" or ") || "anything"} in ${directory}.`);

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "holdfast-test-"));
  const counted = path.join(folder, "counts.json");
  try {
    const code = await attach(
      node.executable,
      [
        "--enable-source-maps",
        "--test",
        `--test-concurrency=${Math.max(2, os.cpus().length)}`,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        `--test-reporter=${path.join(__dirname, "testCounts.cjs")}`,
        `--test-reporter-destination=${counted}`,
        ...flags,
        ...files,
      ],
      { cwd, env },
    );
    const result = readCounts(counted);
    return report(result, code, { directory, print });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function report(result, code, { directory, print }) {
  if (!result) {
    print(`The test runner ended with exit code ${code} before it could count.`);
    print("0 passed, 1 failed");
    return code || 1;
  }
  const slow = result.timed.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, SLOWEST);
  print(`Slowest ${slow.length}:`);
  for (const { name, file, milliseconds } of slow) {
    print(`  ${(milliseconds / 1000).toFixed(2).padStart(7)} s  ${name}${file && file !== name ? `  (${path.relative(directory, file)})` : ""}`);
  }
  let { failed } = result;
  if (failed === 0 && code !== 0) {
    print(`No test failed, yet the runner ended with exit code ${code}; counted as one failure.`);
    failed = 1;
  }
  if (failed === 0 && result.passed === 0) {
    print("No test ran.");
    failed = 1;
  }
  print(`${result.passed} passed, ${failed} failed${result.skipped > 0 ? `, ${result.skipped} skipped` : ""}`);
  return failed === 0 ? 0 : code || 1;
}

function readCounts(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function testFiles(directory) {
  const found = [];
  const visit = (folder) => {
    for (const item of fs.readdirSync(folder, { withFileTypes: true })) {
      const full = path.join(folder, item.name);
      if (item.isDirectory()) visit(full);
      else if (item.name.endsWith(".test.js")) found.push(full);
    }
  };
  if (fs.existsSync(directory)) visit(directory);
  return found.sort();
}

module.exports = { runTests };
