/** What goes wrong on a machine of which only SSH is known, by the ids that messages, policies and documents use. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const community: Evidence = { source: "community-profile", verified: "2026-06" };

export const sshGotchas: ProfileInput["gotchas"] = [
  {
    id: "GEN1",
    statement: "Nothing reclaims a forgotten machine: it bills day and night until its owner ends it by hand.",
    handled: [
      { by: "plan", ref: "clocks", how: "the missing end is a clock of the plan; with capacity.maxHourlyUsd a forgotten day has a price" },
      { by: "policy", ref: "budget-or-lease-set", how: "a run without lease or budget fails the preview" },
      { by: "documentation", ref: "explain", how: "the default verb ends the run and leaves the machine: returning it is the owner's act, after the pull" },
    ],
    ...community,
  },
  {
    id: "GEN2",
    statement: "A training that hangs on the SSH session dies with it.",
    handled: [{ by: "plan", ref: "host.detach", how: "the queue is started detached (tmux, else nohup), never as a child of the connection" }],
    triggers: [{ in: "command", pattern: "(^|[;&|(]\\s*)(nohup|tmux|screen|setsid)\\b", warning: "detaches by itself: the queue already does, and a process it cannot see counts as ended" }],
    ...community,
  },
  {
    id: "GEN3",
    statement: "scp starts from zero after a reset, so a large copy over a poor line never ends.",
    handled: [{ by: "custody", ref: "pull", how: "pulls are resumable, per file, and every file is hashed at both ends" }],
    ...community,
  },
  {
    id: "GEN4",
    statement: "Scripts with Windows line ends do not run: the shell sees commands that end in a carriage return.",
    handled: [{ by: "plan", ref: "resolve", how: "a setup that contains carriage returns is warned about" }],
    triggers: [{ in: "setup", pattern: "\\r", warning: "has Windows line ends, which sh reads as a part of each command: save it with LF" }],
    ...community,
  },
  {
    id: "GEN5",
    statement: "A check on another machine says nothing about memory, driver and CUDA of the one that trains.",
    handled: [{ by: "script", ref: "preflight.sh", how: "Python, GPU with a real CUDA call, memory limit and disk are checked on the machine itself before a cell starts" }],
    ...community,
  },
  {
    id: "GEN6",
    statement: "A reboot ends tmux and everything in it, without an error anywhere.",
    handled: [
      { by: "script", ref: "run_queue.sh", how: "cells resume from the newest complete checkpoint whatever ended them" },
      { by: "script", ref: "status.sh", how: "heartbeats carry the boot's id, so a reboot is told from a crash" },
    ],
    ...community,
  },
  {
    id: "GEN7",
    statement: "Nothing keeps two runs off the same GPU: both crawl, or the second runs out of memory.",
    handled: [
      { by: "script", ref: "run_queue.sh", how: "cells run one after the other, under a fenced writer lock per run" },
      { by: "documentation", ref: "explain", how: "other people's processes are seen with nvidia-smi only: look before a launch" },
    ],
    ...community,
  },
  {
    id: "GEN8",
    statement: "A poll that lost its connection is mistaken for a run that died.",
    handled: [
      { by: "script", ref: "status.sh", how: "what lives is told by lock, heartbeat and process on the machine, never by a connection" },
      { by: "custody", ref: "decide", how: "a machine that cannot be reached is no permission to delete anything" },
    ],
    ...community,
  },
];
