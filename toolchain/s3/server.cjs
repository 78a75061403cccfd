"use strict";
// The S3 server of the tests: versitygw, a gateway that people run in production, over a folder. Built once per version from the
// Go module mirror into the user's cache. It obeys conditional writes, which is what the tests of shared custody are about.
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { cacheDirectory } = require("../io/cache.cjs");
const { capture } = require("../io/children.cjs");
const { findGo } = require("../io/go.cjs");
const { withLock } = require("../io/lock.cjs");
const { isExecutable } = require("../programs.cjs");

const MINIMUM_GO = "1.25.11"; // the `go` line of go.mod
const STALL_MS = 180_000;
const PACKAGE = "github.com/versity/versitygw/cmd/versitygw";
const FLAGS = ["-trimpath", "-ldflags", "-s -w"];

function place(env) {
  const hash = crypto.createHash("sha256");
  for (const part of ["go.mod", "go.sum"]) hash.update(fs.readFileSync(path.join(__dirname, part)));
  hash.update(JSON.stringify([FLAGS, process.platform, process.arch]));
  return path.join(cacheDirectory(env), "s3", hash.digest("hex").slice(0, 12), "versitygw");
}

/** The server's program that was built earlier, or null. */
function findS3Server(env = process.env) {
  const program = place(env);
  return isExecutable(program) ? program : null;
}

/**
 * Builds it when it is not there. A machine that cannot (no Go, no module mirror) gets no server and the reason: the tests that
 * need one say so and are skipped by name.
 * @param {{env?: object, log: object}} options
 * @returns {Promise<{program: string | null, tried: string}>}
 */
async function obtainS3Server({ env = process.env, log }) {
  const program = place(env);
  if (isExecutable(program)) return { program, tried: "" };
  const go = await findGo(env, MINIMUM_GO);
  if (!go.program) return { program: null, tried: `Go ${MINIMUM_GO} or newer: ${go.tried}` };
  return withLock(path.join(path.dirname(path.dirname(program)), `${path.basename(path.dirname(program))}.lock`), {}, async () => {
    if (isExecutable(program)) return { program, tried: "" };
    fs.mkdirSync(path.dirname(program), { recursive: true });
    const draft = `${program}.draft-${process.pid}`;
    const progress = log.progress("s3", `building the tests' S3 server with ${go.version}, a minute or two once`);
    let compiled = 0;
    const onLine = () => progress.update(`building the tests' S3 server, ${++compiled} steps`);
    const childEnv = { ...env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "-mod=readonly -buildvcs=false" };
    const built = await capture(go.program, ["build", "-v", ...FLAGS, "-o", draft, PACKAGE], { cwd: __dirname, env: childEnv, stallMs: STALL_MS, onLine });
    if (built.code !== 0) {
      fs.rmSync(draft, { force: true });
      progress.done("the tests' S3 server could not be built");
      return { program: null, tried: `${go.program} build ${PACKAGE}: ${built.output.trim().split("\n").slice(-3).join(" / ")}` };
    }
    fs.renameSync(draft, program);
    progress.done("the tests' S3 server is built");
    return { program, tried: "" };
  });
}

module.exports = { findS3Server, obtainS3Server };
