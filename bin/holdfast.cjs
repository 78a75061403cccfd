#!/usr/bin/env node
"use strict";
// The holdfast command, startable by any Node from 18 on: finds a Node that is new enough and a program that is compiled.
const path = require("node:path");
const { attach } = require("../toolchain/io/children.cjs");
const { MINIMUM, findNode } = require("../toolchain/node.cjs");
const { staleness } = require("../toolchain/stamp.cjs");

const root = path.resolve(__dirname, "..");
const program = path.join(root, "dist", "cli", "main.js");

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

const fault = staleness(root);
const node = findNode(root);
if (fault) fail(`${fault} (in ${root})`);
else if (!node) fail(`holdfast needs Node ${MINIMUM} or newer, this is ${process.versions.node}: https://nodejs.org/`);
else if (node.executable === process.execPath) {
  // Nothing to gain from a second process: hand this one over, as if `node dist/cli/main.js` had been typed.
  process.argv[1] = program;
  require("node:module").runMain(program);
} else {
  attach(node.executable, [program, ...process.argv.slice(2)]).then((code) => (process.exitCode = code));
}
