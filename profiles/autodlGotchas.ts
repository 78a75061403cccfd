/** What goes wrong on AutoDL, by the ids that messages, policies and documents use. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const community: Evidence = { source: "community-profile", verified: "2026-06" };
const docs: Evidence = { source: "docs", verified: "2026-08" };

export const autodlGotchas: ProfileInput["gotchas"] = [
  {
    id: "AD1",
    statement: "A fresh shell has no proxy: calls to huggingface.co, github.com, pypi.org or wandb hang for minutes until the platform's accelerator is sourced.",
    handled: [
      { by: "plan", ref: "host.proxyHook", how: "the line that sources /etc/network_turbo is part of the plan" },
      { by: "script", ref: "lib/payload.sh", how: "it is sourced before every command, setup and fetch" },
      { by: "documentation", ref: "explain", how: "the accelerator serves foreign hosts: unset its variables for domestic ones" },
    ],
    ...community,
  },
  {
    id: "AD2",
    statement: "Large Hugging Face files stall in spite of a mirror, because the Xet store behind them is not mirrored, and domestic sources get slower through the proxy.",
    handled: [
      { by: "plan", ref: "resolve", how: "a download from Hugging Face without HF_HUB_DISABLE_XET=1 on its line is warned about" },
      { by: "documentation", ref: "explain", how: "HF_ENDPOINT of a mirror with HF_HUB_DISABLE_XET=1, or ModelScope, each inside a retry with a time limit" },
    ],
    triggers: [
      { in: "setup", pattern: "(?<!HF_HUB_DISABLE_XET=1[^\\n]*)\\b(hf|huggingface-cli)\\s+download\\b", warning: "large files come through a store that no mirror serves: write HF_HUB_DISABLE_XET=1 before it" },
      { in: "command", pattern: "(?<!HF_HUB_DISABLE_XET=1[^\\n]*)\\b(hf|huggingface-cli)\\s+download\\b", warning: "large files come through a store that no mirror serves: write HF_HUB_DISABLE_XET=1 before it" },
    ],
    ...community,
  },
  {
    id: "AD3",
    statement: "/root/autodl-fs has the same path everywhere and is another file system in every region.",
    handled: [
      { by: "policy", ref: "storage-in-reach", how: "storage in another region than the instance fails the preview" },
      { by: "plan", ref: "resolve", how: "candidates in another region than the storage are refused" },
      { by: "documentation", ref: "explain", how: "storage of a region must be initialised before the instance starts, otherwise restart it" },
    ],
    ...docs,
  },
  {
    id: "AD4",
    statement: "The shared file system holds 200,000 files whatever their size: writes fail with \"no space left\" while df shows room.",
    handled: [
      { by: "policy", ref: "disk-holds-the-run", how: "cells that need more files or bytes than the tier has are pointed out" },
      { by: "plan", ref: "disk", how: "the disk budget counts files against the cap as well as bytes" },
      { by: "script", ref: "run_queue.sh", how: "free inodes are a floor before every cell, next to free bytes" },
      { by: "script", ref: "preflight.sh", how: "inodes of the real mount are checked before anything starts" },
    ],
    ...docs,
  },
  {
    id: "AD5",
    statement: "A full data disk is usually the Hugging Face cache, linked onto it from the home directory, and not the runs.",
    handled: [
      { by: "plan", ref: "host.caches", how: "HF_HOME is set to a named place on the data disk" },
      { by: "documentation", ref: "explain", how: "measure the cache with du before deleting a checkpoint; enlarging the disk is the safe way" },
    ],
    ...community,
  },
  {
    id: "AD6",
    statement: "The image's base conda is the environment, there is no other, and `python3` may not exist.",
    handled: [
      { by: "plan", ref: "host.interpreter", how: "the interpreter is named by its full path" },
      { by: "plan", ref: "resolve", how: "a setup that builds a conda environment is warned about" },
    ],
    triggers: [{ in: "setup", pattern: "conda\\s+(env\\s+)?(create|clone)\\b", warning: "builds a second environment of about 16 GB beside the one that the image is" }],
    ...community,
  },
  {
    id: "AD7",
    statement: "The platform's TensorBoard reads /root/tf-logs only: curves written elsewhere never show.",
    handled: [
      { by: "plan", ref: "host.tensorboardDirectory", how: "the plan names the directory that the panel reads" },
      { by: "script", ref: "lib/payload.sh", how: "a link leads from there to the cell's curves, which stay with the artifacts" },
    ],
    ...community,
  },
  {
    id: "AD8",
    statement: "Trackers that log per-sample metrics at the first validation can take 30 GB of main memory at once and wedge the instance.",
    handled: [
      { by: "documentation", ref: "explain", how: "the number of samples kept for metrics is the trainer's own setting; cap it" },
      { by: "script", ref: "heartbeat.sh", how: "memory against the limit of the cgroup is in every heartbeat" },
    ],
    ...community,
  },
  {
    id: "AD9",
    statement: "A project's pinned torch replaces the image's build, which was made for the rented GPU, and no kernel fits any more.",
    handled: [
      { by: "script", ref: "lib/install_lock.py", how: "setup.lock leaves torch, torchvision and torchaudio to the image" },
      { by: "plan", ref: "resolve", how: "a setup script that installs torch, or a whole requirements file, is warned about" },
    ],
    triggers: [
      { in: "setup", pattern: "pip3?\\s+install\\b[^\\n;&|]*\\b(torch|torchvision|torchaudio)(?![\\w-])", warning: "replaces the image's torch, which matches the GPU" },
      { in: "setup", pattern: "pip3?\\s+install\\b[^\\n;&|]*-r\\s*\\S*requirements(?!.*grep)", warning: "may replace the image's torch: name the file under setup.lock, which leaves that to the image" },
    ],
    ...community,
  },
  {
    id: "AD-DANGER",
    statement: "A switched-off instance is released after fifteen days, seven for tidal ones, and its system and data disks go; too low a balance switches it off to begin with.",
    handled: [
      { by: "policy", ref: "checkpoints-survive-clocks", how: "checkpoints on a disk that the release clock erases fail the preview" },
      { by: "plan", ref: "clocks", how: "the release is a clock of the plan with the tiers it takes" },
      { by: "plan", ref: "resolve", how: "the run directory is derived on the shared file system, which a release spares; a command that switches the instance off is warned about" },
    ],
    triggers: [
      { in: "command", pattern: "(^|[;&|(]\\s*|/)(shutdown|poweroff)(\\s|;|$)", warning: "switches the instance off when it ends: from then on it is released, with its disks, after fifteen days" },
      { in: "setup", pattern: "(^|[;&|(\\n]\\s*|/)(shutdown|poweroff)(\\s|;|$)", warning: "switches the instance off: from then on it is released, with its disks, after fifteen days" },
    ],
    ...docs,
  },
];
