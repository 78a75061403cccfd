"use strict";
// Third choice: the engine built from the Go module mirror, with our own Node language host beside it (host/main.go).
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { packageDirectory } = require("../dependencies.cjs");
const { capture } = require("../io/children.cjs");
const { findGo } = require("../io/go.cjs");
const { withLock } = require("../io/lock.cjs");
const { elapsed } = require("../io/log.cjs");
const { exists } = require("../io/processes.cjs");
const { parseVersion } = require("../io/versions.cjs");
const { isExecutable } = require("../programs.cjs");

const MINIMUM_GO = "1.25.11"; // the `go` line of the CLI's own module
const STALL_MS = 180_000; // one slow package of the CLI compiles for over a minute on an old machine
const FLAGS = ["-trimpath", "-tags", "osusergo,grpcnotrace"]; // the vendor's release flags
const HOST = "pulumi-language-nodejs";
const DYNAMIC = "pulumi-resource-pulumi-nodejs"; // a shell script that the engine looks for beside itself

/** What would be built: its version, and where in the cache it belongs. Any change of module, host or recipe is another place. */
function recipe({ root, cache }) {
  const home = path.join(root, "toolchain", "engine");
  const read = (name) => fs.readFileSync(path.join(home, name));
  const version = /github\.com\/pulumi\/pulumi\/sdk\/v3 v(\S+)/.exec(read("go.mod").toString())[1];
  const hash = crypto.createHash("sha256");
  for (const part of ["go.mod", "go.sum", "host/main.go"]) hash.update(read(part));
  hash.update(JSON.stringify([FLAGS, process.platform, process.arch]));
  const key = `${version}-${hash.digest("hex").slice(0, 12)}`;
  return { version, key, module: home, directory: path.join(cache, key) };
}

/** The engine built earlier, or null. */
function findBuilt(options) {
  const { version, directory } = recipe(options);
  return isComplete(directory) ? { version, directory, source: "built here" } : null;
}

/**
 * Builds the engine into the cache. Several may try at once: one builds, the others wait and use what it made.
 * @param {{root: string, cache: string, env: object, log: object, goPlaces?: string[]}} options
 * @returns {Promise<{engine: object | null, tried: string}>}
 */
async function buildEngine(options) {
  const made = recipe(options);
  const sdk = packageDirectory(options.root, "@pulumi/pulumi");
  if (!sdk) return { engine: null, tried: "the npm package @pulumi/pulumi is not installed here" };
  const go = await findGo(options.env, MINIMUM_GO, options.goPlaces);
  if (!go.program) return { engine: null, tried: go.tried };
  let waiting = null;
  const onWait = (holder) => {
    waiting ||= options.log.progress("engine", `another run (process ${holder ? holder.pid : "unknown"}) is building it, waiting`);
  };
  return withLock(path.join(options.cache, `${made.key}.lock`), { onWait }, async () => {
    if (waiting) waiting.stop();
    const present = findBuilt(options);
    if (present) return { engine: present, tried: "" };
    removeDrafts(options.cache);
    const draft = path.join(options.cache, `.draft-${process.pid}-${made.key}`);
    fs.mkdirSync(draft, { recursive: true });
    try {
      const fault = await compile(go, made, draft, sdk, options);
      if (fault) return { engine: null, tried: fault };
      fs.rmSync(made.directory, { recursive: true, force: true }); // an incomplete one, or findBuilt had found it
      fs.renameSync(draft, made.directory);
      return { engine: findBuilt(options), tried: "" };
    } finally {
      fs.rmSync(draft, { recursive: true, force: true });
    }
  });
}

/** Compiles into `draft` and tries the result; null, or why it did not work. */
async function compile(go, made, draft, sdk, { env, log }) {
  const progress = log.progress("engine", `building Pulumi ${made.version} with ${go.version}, about five minutes once: fetching modules`);
  const childEnv = { ...env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "-mod=readonly -buildvcs=false" };
  const ldflags = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${made.version}`;
  const cli = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
  const run = (args, onLine) => capture(go.program, args, { cwd: made.module, env: childEnv, stallMs: STALL_MS, onLine });
  const fail = (step, result) => {
    progress.done(`${step} failed`);
    const said = result.output.split("\n").filter((line) => /\S/.test(line) && !/^go: downloading |^[\w.-]+(\/[\w.~-]+)*$/.test(line));
    return `${go.program}: ${step} ${result.expired ? `stood still for ${elapsed(STALL_MS)}` : `failed: ${said.slice(-3).join(" / ")}`}`;
  };

  let modules = 0;
  let packages = 0;
  const listed = await run(["list", "-deps", cli, "./host"], (line) => {
    if (line.startsWith("go: downloading ")) progress.update(`fetching modules, ${++modules} so far`);
    else packages += 1;
  });
  if (listed.code !== 0) return fail("fetching modules", listed);

  let compiled = 0;
  const onLine = () => progress.update(`compiling Pulumi ${made.version}, ${++compiled} of ${packages} packages`);
  progress.update(`compiling Pulumi ${made.version}`);
  for (const [name, from] of [["pulumi", cli], [HOST, "./host"]]) {
    const result = await run(["build", "-v", ...FLAGS, "-ldflags", ldflags, "-o", path.join(draft, name), from], onLine);
    if (result.code !== 0) return fail("compiling", result);
  }
  fs.copyFileSync(path.join(sdk, DYNAMIC), path.join(draft, DYNAMIC));
  fs.chmodSync(path.join(draft, DYNAMIC), 0o755);

  for (const [name, flag] of [["pulumi", "version"], [HOST, "--version"]]) {
    const result = await capture(path.join(draft, name), [flag], { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" }, limitMs: 30_000 });
    if (result.code !== 0 || (parseVersion(result.output) || []).join(".") !== made.version) return fail(`trying ${name}`, result);
  }
  progress.done(`Pulumi ${made.version} built`);
  return null;
}

/** What builders left that were killed. */
function removeDrafts(cache) {
  for (const name of fs.readdirSync(cache)) {
    const pid = /^\.draft-(\d+)-/.exec(name);
    if (pid && !exists(Number(pid[1]))) fs.rmSync(path.join(cache, name), { recursive: true, force: true });
  }
}

function isComplete(directory) {
  return ["pulumi", HOST, DYNAMIC].every((name) => isExecutable(path.join(directory, name)));
}

module.exports = { MINIMUM_GO, recipe, findBuilt, buildEngine };
