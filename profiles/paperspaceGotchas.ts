/** What goes wrong on Paperspace: machines (Core) and notebooks (Gradient) share ids, each profile takes those that concern it. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

type GotchaInput = ProfileInput["gotchas"][number];

const community: Evidence = { source: "community-profile", verified: "2026-06" };
const notebooks: Evidence = { source: "docs-notebooks", verified: "2026-06" };
const autoShutdown: Evidence = { source: "docs-auto-shutdown", verified: "2026-06" };

const billedWhenOff: GotchaInput = {
  id: "PS1",
  statement: "A machine that is switched off goes on billing its disk, its static address, its snapshots and other extras until each of them is deleted.",
  handled: [
    { by: "policy", ref: "leftovers-have-an-owner", how: "an address, snapshot or drive that outlives the run without an owner fails the preview" },
    { by: "plan", ref: "teardown", how: "every verb says for every meter whether it goes on, and a forgotten month is priced with them" },
    { by: "documentation", ref: "explain", how: "switching off ends no bill for certain: even compute is counted as billing, because the price list once said so" },
  ],
  ...community,
};

const wallClock: GotchaInput = {
  id: "PS2",
  statement: "The auto-shutdown timer ends a run at a round number of hours without an error, and an open SSH or tmux session does not hold it off.",
  handled: [
    { by: "policy", ref: "first-checkpoint-before-clock", how: "a timer that fires before the first checkpoint fails the preview" },
    { by: "policy", ref: "auto-shutdown-is-set", how: "a machine without auto-shutdown fails the preview" },
    { by: "plan", ref: "clocks", how: "the timer is a clock of the plan, and one shorter than the lease is warned about" },
    { by: "script", ref: "run_queue.sh", how: "cells resume from the newest complete checkpoint whatever ended them" },
  ],
  ...autoShutdown,
  otherReadings: [{ reading: "Linux machines stop after the idle time, and only console and desktop-app connections count as activity, so an SSH-only machine always looks idle", source: "docs-limits", verified: "2025-06" }],
};

const lostInstalls: GotchaInput = {
  id: "PS3",
  statement: "Packages and files outside of /storage and /notebooks are gone after a notebook stops: pip installs into the part that is wiped.",
  handled: [
    { by: "plan", ref: "resolve", how: "the run directory is derived below /storage, and a setup that installs with plain pip is warned about" },
    { by: "documentation", ref: "explain", how: "setup runs once per start, so what it installs is installed again; pip --target on /storage saves the time" },
  ],
  triggers: [{ in: "setup", pattern: "pip3?\\s+install\\b(?![^\\n;&|]*(--target|--prefix|--user|\\s-t\\s))", warning: "installs into the part of a notebook that is wiped at every stop: write pip install --target below /storage" }],
  ...notebooks,
};

const deadTools: GotchaInput = {
  id: "PS4",
  statement: "The legacy Gradient API and the gradient 2 command line are switched off, and the newest package of that name is an inference SDK.",
  handled: [
    { by: "plan", ref: "resolve", how: "a setup or command that installs an unpinned `gradient` is warned about" },
    { by: "documentation", ref: "explain", how: "only api.paperspace.com/v1 and its `pspace` command line are current" },
  ],
  triggers: [
    { in: "setup", pattern: "pip3?\\s+install\\b[^\\n;&|]*\\bgradient(?![\\w-])(?!\\s*<)(?!['\"]?<)", warning: "installs an inference SDK, not the tool that once controlled notebooks" },
    { in: "command", pattern: "(^|[;&|(]\\s*)gradient\\s+(notebooks|machines|jobs)\\b", warning: "calls a command line whose API was switched off in 2024: use pspace" },
  ],
  ...community,
  otherReadings: [{ reading: "both old APIs are no longer available since May 2024, two months before the announced date", source: "docs-release-notes", verified: "2024-05" }],
};

const regionLocked: GotchaInput = {
  id: "PS5",
  statement: "Disks, shared drives, addresses and templates belong to one region, and a disk that was enlarged never shrinks again.",
  handled: [
    { by: "policy", ref: "storage-in-reach", how: "storage in another region than the machine fails the preview" },
    { by: "plan", ref: "resolve", how: "candidates in another region than the storage are refused" },
    { by: "documentation", ref: "explain", how: "enlarging is an operation of its own, marked as one that cannot be undone" },
  ],
  ...community,
};

const newAddress: GotchaInput = {
  id: "PS6",
  statement: "A dynamic address is given back at every power-off, so a saved SSH host stops working; a static one bills until it is released.",
  handled: [
    { by: "plan", ref: "resolve", how: "the address is marked as one that must be read again after every start" },
    { by: "plan", ref: "cost", how: "paperspaceCore.publicIp: static adds the address's price, also to the forgotten month" },
  ],
  ...community,
};

const publicByDefault: GotchaInput = {
  id: "PS7",
  statement: "A notebook of the free plan is public, its code included.",
  handled: [
    { by: "plan", ref: "resolve", how: "paperspaceGradient.plan: free is warned about, and about secrets named in the job in particular" },
    { by: "policy", ref: "no-secret-literals", how: "secret-looking literals fail the preview" },
  ],
  ...community,
};

const freeQueue: GotchaInput = {
  id: "PS8",
  statement: "Free notebooks share a pool: one runs at a time, and it waits as pending until a machine is free.",
  handled: [{ by: "documentation", ref: "explain", how: "the limit stands in the profile; a bounded wait (capacity.maxWaitMinutes) ends the queueing" }],
  ...community,
};

const orphanSnapshot: GotchaInput = {
  id: "PS9",
  statement: "A snapshot may outlive its machine and go on billing, or may be deleted with it: sources say both.",
  handled: [
    { by: "policy", ref: "snapshot-is-not-the-only-copy", how: "a run whose only copy would be a snapshot fails the preview" },
    { by: "plan", ref: "resolve", how: "a snapshot never counts as a copy that survives, and its meter counts as running after a delete" },
    { by: "documentation", ref: "explain", how: "list snapshots by machine after every delete; both readings stand in the profile" },
  ],
  ...community,
  otherReadings: [{ reading: "deactivating a machine removes its snapshots with it", source: "docs-limits", verified: "2025-06" }],
};

const smallAllowance: GotchaInput = {
  id: "PS10",
  statement: "The free plan holds 5 GB on /storage; a larger upload fails, and paid plans bill what exceeds their allowance.",
  handled: [
    { by: "policy", ref: "disk-holds-the-run", how: "cells that need more room than the tier has are pointed out" },
    { by: "plan", ref: "disk", how: "a disk budget beyond the plan's allowance is warned about where the job states checkpoint.bytes" },
    { by: "plan", ref: "cost", how: "storage is priced from the first gigabyte, an upper bound" },
  ],
  ...community,
};

const oldDriver: GotchaInput = {
  id: "PS11",
  statement: "The template's driver can be older than a current PyTorch wheel needs, and a tenant should not replace the driver.",
  handled: [{ by: "plan", ref: "resolve", how: "a setup that installs a driver is warned about; the image's own torch, or a wheel for its CUDA, is the way" }],
  triggers: [{ in: "setup", pattern: "apt(-get)?\\s+(-\\S+\\s+)*install\\b[^\\n;&|]*\\b(nvidia-driver|cuda-drivers)", warning: "replaces the machine's driver: install a torch build for the CUDA that is there" }],
  ...community,
};

const movingImage: GotchaInput = {
  id: "PS12",
  statement: "An image named by a tag changes under the same name, and a private one cannot be pulled without registry credentials.",
  handled: [
    { by: "policy", ref: "pinned-image", how: "an image by tag instead of digest is pointed out" },
    { by: "documentation", ref: "explain", how: "registry credentials are a secret of the vendor, never a literal" },
  ],
  ...community,
};

const debugging: GotchaInput = {
  id: "PS13",
  statement: "Why a run vanished is answered on the machine: driver against torch, disk and inodes, kernel log and uptime, and after a teardown the lists of addresses, disks and snapshots.",
  handled: [
    { by: "script", ref: "preflight.sh", how: "GPU, disk, inodes and mount are checked before a cell starts" },
    { by: "documentation", ref: "explain", how: "a low uptime and a clean kernel log mean the auto-shutdown timer, not a crash" },
  ],
  ...community,
};

/** Machines. */
export const paperspaceCoreGotchas: ProfileInput["gotchas"] = [billedWhenOff, wallClock, deadTools, regionLocked, newAddress, orphanSnapshot, oldDriver, movingImage, debugging];

/** Notebooks. */
export const paperspaceGradientGotchas: ProfileInput["gotchas"] = [billedWhenOff, wallClock, lostInstalls, deadTools, regionLocked, publicByDefault, freeQueue, smallAllowance, oldDriver, movingImage, debugging];
