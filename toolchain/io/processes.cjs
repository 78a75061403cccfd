"use strict";
// Which processes live, told apart from later ones that got the same number.
const fs = require("node:fs");

/** The kernel's start time of a process in clock ticks since boot, or null where it cannot be known (not Linux, gone). */
function startTicks(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold spaces; the start time is the 22nd.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isFinite(ticks) ? ticks : null;
  } catch {
    return null;
  }
}

/** Whether a process of this number exists at all; one that belongs to somebody else counts. */
function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Milliseconds since the epoch at which a process started, or null where it cannot be known. */
function startedAt(pid) {
  const ticks = startTicks(pid);
  if (ticks === null) return null;
  const boot = /^btime (\d+)$/m.exec(fs.readFileSync("/proc/stat", "utf8"));
  return boot ? Number(boot[1]) * 1000 + ticks * 10 : null; // USER_HZ is 100 on every Linux that Node runs on
}

module.exports = { startTicks, startedAt, exists };
