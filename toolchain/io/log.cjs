"use strict";
// How set-up speaks: plain lines on stderr (stdout belongs to the command that was asked for), one line that renews itself
// on a terminal while something long goes on.

/** A fault the person at the keyboard can mend: its message is printed as it is, without a stack. */
class SetupError extends Error {
  constructor(message) {
    super(message);
    this.name = "SetupError";
  }
}

/** Seconds as people say them: "8 s", "2 min 5 s". */
function elapsed(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * @param {{write(text: string): unknown, isTTY?: boolean, columns?: number}} stream
 * @param {() => number} now milliseconds
 */
function createLog(stream = process.stderr, now = Date.now) {
  const renew = Boolean(stream.isTTY) && process.env.TERM !== "dumb";
  const line = (text) => void stream.write(`${text}\n`);

  /** Announces long work. `update` says how far it is; `done` ends it with a result. */
  function progress(name, detail) {
    const start = now();
    let current = detail;
    let spoken = start; // when a line was printed last
    const show = () => {
      const text = `${name}: ${current} (${elapsed(now() - start)})`;
      if (renew) stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}`);
      else line(text);
      spoken = now();
    };
    if (renew) show();
    else line(`${name}: ${current}`);
    const every = renew ? 1_000 : 15_000;
    const timer = setInterval(() => now() - spoken >= every && show(), renew ? 250 : 1_000);
    timer.unref();
    const end = (text) => {
      clearInterval(timer);
      if (renew) stream.write("\r\x1b[K");
      if (text) line(`${name}: ${text} (${elapsed(now() - start)})`);
    };
    return {
      update: (text) => void (current = text),
      done: (text) => end(text),
      stop: () => end(""),
    };
  }
  return { line, progress };
}

module.exports = { SetupError, createLog, elapsed };
