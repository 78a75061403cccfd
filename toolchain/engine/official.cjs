"use strict";
// Second choice: the official release, by the npm package `pulumi` (pinned in package.json), which runs the vendor's
// installer. Downloaded into a folder of our own and moved into the cache when whole.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { packageDirectory } = require("../dependencies.cjs");
const { capture } = require("../io/children.cjs");
const { isExecutable } = require("../programs.cjs");

const PROBE_MS = 4_000;
const REMEMBER_MS = 60 * 60 * 1000; // how long a machine without a way to the vendor is not asked again
const STALL_MS = 30_000;
const LIMIT_MS = 15 * 60 * 1000;

/** The release as far as it lies on this machine already: in our cache or where the vendor's own tools keep it. */
function findOfficial({ root, cache, env }) {
  const wrapper = npmWrapper(root);
  if (!wrapper) return null;
  const home = env.PULUMI_HOME || path.join(env.HOME || os.homedir(), ".pulumi");
  const places = [path.join(cache, `official-${wrapper.version}`, "bin"), path.join(home, "versions", wrapper.version, "bin")];
  const directory = places.find(isComplete);
  return directory ? { version: wrapper.version, directory, source: "official release" } : null;
}

/**
 * Downloads the release when the vendor can be reached within seconds.
 * @param {{root: string, cache: string, env: object, node: {executable: string}, log: object, now?: () => number,
 *   urls?: string[], probeMs?: number}} options `urls` are asked first; all must answer
 * @returns {Promise<{engine: object | null, tried: string}>}
 */
async function downloadOfficial(options) {
  const { root, cache, env, node, log, now = Date.now } = options;
  const wrapper = npmWrapper(root);
  if (!wrapper) return { engine: null, tried: "the npm package `pulumi` is not installed here" };
  const note = path.join(cache, "official-unreachable.json");
  const remembered = readNote(note);
  if (remembered && now() - remembered.at < REMEMBER_MS && now() >= remembered.at) return { engine: null, tried: remembered.reason };

  const fail = (reason) => {
    fs.mkdirSync(cache, { recursive: true });
    fs.writeFileSync(note, `${JSON.stringify({ at: now(), reason })}\n`);
    return { engine: null, tried: reason };
  };
  const childEnv = { ...env };
  // Node's fetch, which the wrapper uses, looks at proxy settings only when told to.
  if (env.HTTPS_PROXY || env.https_proxy) childEnv.NODE_USE_ENV_PROXY ||= "1";
  const unreachable = await probe(options.urls || vendorUrls(wrapper.version), node, childEnv, options.probeMs || PROBE_MS);
  if (unreachable) return fail(unreachable);

  const draft = path.join(cache, `.official-${process.pid}-${Math.random().toString(36).slice(2)}`);
  fs.mkdirSync(draft, { recursive: true });
  const progress = log.progress("engine", `downloading the official release ${wrapper.version}`);
  try {
    let bytes = 0;
    const result = await capture(node.executable, [wrapper.script, "version"], {
      // The installer unpacks from TMPDIR: a folder of ours shows how far it is.
      env: { ...childEnv, PULUMI_HOME: draft, PULUMI_VERSION: wrapper.version, TMPDIR: draft, PULUMI_SKIP_UPDATE_CHECK: "true" },
      alive: () => {
        const size = bytesBelow(draft);
        if (size === bytes) return false;
        bytes = size;
        progress.update(`downloading the official release ${wrapper.version}, ${Math.round(size / 1e6)} MB`);
        return true;
      },
      stallMs: STALL_MS,
      limitMs: LIMIT_MS,
    });
    const made = path.join(draft, "versions", wrapper.version);
    if (result.code !== 0 || !isComplete(path.join(made, "bin"))) {
      progress.done("the download failed");
      return fail(`the download of ${wrapper.version} failed: ${lastLine(result.output) || "it stalled"}`);
    }
    const final = path.join(cache, `official-${wrapper.version}`);
    fs.rmSync(final, { recursive: true, force: true });
    fs.renameSync(made, final);
    fs.rmSync(note, { force: true });
    progress.done(`official release ${wrapper.version} downloaded`);
    return { engine: findOfficial(options), tried: "" };
  } finally {
    progress.stop();
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** The installer's and the archive's addresses, as the wrapper 3.265.0 and the vendor's install script use them. */
function vendorUrls(version) {
  const arch = process.arch === "x64" ? "x64" : process.arch;
  return [
    "https://get.pulumi.com/install.sh",
    `https://get.pulumi.com/releases/sdk/pulumi-v${version}-${process.platform}-${arch}.tar.gz`,
  ];
}

/**
 * Null when all addresses answer, else why not. In a process of its own: a name look-up that hangs cannot be called off, and
 * would hold up our own exit.
 */
async function probe(urls, node, env, limitMs) {
  const script = `
    const why = (e) => (e.name === "TimeoutError" ? "no answer within ${limitMs / 1000} s" : (e.cause && (e.cause.code || e.cause.message)) || e.message);
    Promise.all(process.argv.slice(1).map(async (url) => {
      const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(${limitMs}) }).catch((e) => { throw new Error(new URL(url).host + ": " + why(e)); });
      if (!answer.ok) throw new Error(url + ": HTTP " + answer.status);
    })).then(() => process.exit(0), (e) => { console.log(e.message); process.exit(1); });`;
  const result = await capture(node.executable, ["-e", script, ...urls], { env, limitMs: limitMs + 1_000 });
  if (result.code === 0) return null;
  return result.expired ? `${new URL(urls[0]).host}: no answer within ${limitMs / 1000} s` : lastLine(result.output);
}

function npmWrapper(root) {
  const home = packageDirectory(root, "pulumi");
  if (!home) return null;
  const { version } = JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8"));
  return { version, script: path.join(home, "run.js") };
}

function isComplete(directory) {
  return ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"].every((name) => {
    const file = path.join(directory, name);
    return isExecutable(file) && fs.statSync(file).size > 0;
  });
}

function bytesBelow(directory) {
  let sum = 0;
  for (const item of fs.readdirSync(directory, { withFileTypes: true, recursive: true })) {
    try {
      if (item.isFile()) sum += fs.statSync(path.join(item.parentPath || item.path, item.name)).size;
    } catch {
      // The installer has just removed it.
    }
  }
  return sum;
}

function readNote(file) {
  try {
    const { at, reason } = JSON.parse(fs.readFileSync(file, "utf8"));
    return typeof at === "number" && typeof reason === "string" ? { at, reason } : null;
  } catch {
    return null;
  }
}

function lastLine(output) {
  return output.trim().split("\n").pop() || "";
}

module.exports = { findOfficial, downloadOfficial };
