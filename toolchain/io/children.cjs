"use strict";
// Child processes: either captured (set-up work, shown only when it fails) or attached (the command that was asked for).
const { spawn } = require("node:child_process");
const os = require("node:os");

const captured = new Set();

/** Set-up that is interrupted takes its children along; nothing goes on building behind the user's back. */
function endChildren(signal) {
  for (const child of captured) child.kill("SIGTERM");
  process.exit(128 + (os.constants.signals[signal] || 0));
}

function remember(child) {
  captured.add(child);
  if (captured.size === 1) for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, endChildren);
}

function forget(child) {
  captured.delete(child);
  if (captured.size === 0) for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(s, endChildren);
}

/**
 * Runs a program without a terminal and keeps the end of what it says.
 * @param {{cwd?: string, env?: object, onLine?: (line: string) => void, alive?: () => boolean, limitMs?: number, stallMs?: number}} options
 *   limitMs ends it after so long at all; stallMs after so long without a line and without `alive` answering true
 * @returns {Promise<{code: number, output: string, expired: boolean}>} code 127: could not be started
 */
function capture(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env || process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    remember(child);
    let output = "";
    let rest = "";
    let expired = false;
    let heard = Date.now();
    const start = heard;
    const expire = () => {
      expired = true;
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 2_000).unref();
    };
    const timer = setInterval(() => {
      if (options.alive && options.alive()) heard = Date.now();
      if (options.limitMs && Date.now() - start > options.limitMs) expire();
      else if (options.stallMs && Date.now() - heard > options.stallMs) expire();
    }, 200);
    const take = (chunk) => {
      heard = Date.now();
      output = (output + chunk).slice(-64_000);
      if (!options.onLine) return;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      for (const line of lines) options.onLine(line);
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    const finish = (code) => {
      clearInterval(timer);
      forget(child);
      resolve({ code, output, expired });
    };
    child.once("error", (error) => {
      output += error.message;
      finish(127);
    });
    child.once("close", (code, signal) => finish(code === null ? 128 + (os.constants.signals[signal] || 0) : code));
  });
}

const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program in the foreground, on our own terminal, and answers its exit code (128 + n when a signal ended it).
 * A signal is passed on once, however many of our parents repeat it: the engine takes the second one as "let go of what you
 * are doing". Ctrl-C on a terminal reaches the child by itself.
 */
function attach(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env || process.env, stdio: "inherit" });
    const last = {};
    const pass = (signal) => {
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      if (Date.now() - (last[signal] || 0) > 1_000) child.kill(signal);
      last[signal] = Date.now();
    };
    for (const signal of PASSED_ON) process.on(signal, pass);
    const orphaned = whenNpmDies(() => pass("SIGTERM"));
    const end = () => {
      clearInterval(orphaned);
      for (const signal of PASSED_ON) process.off(signal, pass);
    };
    child.once("error", (error) => {
      end();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      end();
      resolve(code === null ? 128 + (os.constants.signals[signal] || 0) : code);
    });
  });
}

/** npm passes a signal to the shell it started us by, and that shell dies without passing it on. */
function whenNpmDies(act) {
  if (!process.env.npm_lifecycle_event) return null;
  const shell = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    act();
  }, 500);
  return timer;
}

module.exports = { capture, attach };
