"use strict";
// One at a time, across processes: a lock file that names its holder, so that a dead holder's lock is taken over.
// It saves doing the same work twice. Nothing may rely on it for correctness: what is made under a lock is put in place by
// a rename, so the rare double (two takers of one stale lock, a machine that slept) costs time only.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { exists, startTicks } = require("./processes.cjs");

const RENEW_MS = 10_000;
const FOREIGN_STALE_MS = 60_000; // a holder on another machine (shared home) is judged by its renewals only

/**
 * Runs `body` while holding `file`.
 * @param {{onWait?: (holder: {pid: number, host: string}) => void, pollMs?: number}} options
 */
async function withLock(file, options, body) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, ticks: startTicks(process.pid), host: os.hostname() });
  while (!take(file, mine)) {
    const found = read(file);
    if (found === null) continue;
    if (isStale(found)) {
      removeExactly(file, found.text);
      continue;
    }
    if (options.onWait) options.onWait(found.holder);
    await new Promise((resolve) => setTimeout(resolve, options.pollMs || 300));
  }
  const renewal = setInterval(() => renew(file), RENEW_MS);
  renewal.unref();
  const release = () => removeExactly(file, mine);
  process.once("exit", release);
  try {
    return await body();
  } finally {
    clearInterval(renewal);
    process.off("exit", release);
    release();
  }
}

/** link() fails when the name exists and shows the file with its content at once, on network file systems too. */
function take(file, text) {
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  fs.writeFileSync(draft, text);
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

function read(file) {
  try {
    const text = fs.readFileSync(file, "utf8");
    const age = Date.now() - fs.statSync(file).mtimeMs;
    let holder = null;
    try {
      holder = JSON.parse(text);
    } catch {
      // Not ours; its age decides.
    }
    return { text, age, holder };
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function isStale({ holder, age }) {
  if (holder === null || holder.host !== os.hostname()) return age > FOREIGN_STALE_MS;
  return !exists(holder.pid) || startTicks(holder.pid) !== holder.ticks;
}

/** Removes the lock only if it still says `text`: somebody quicker may hold it by now. */
function removeExactly(file, text) {
  const aside = `${file}.old.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    fs.renameSync(file, aside);
    if (fs.readFileSync(aside, "utf8") !== text) fs.linkSync(aside, file);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  }
  fs.rmSync(aside, { force: true });
}

function renew(file) {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch {
    // Taken over while this machine slept; the work is finished all the same.
  }
}

module.exports = { withLock };
