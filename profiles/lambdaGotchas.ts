/** What goes wrong on Lambda, by the ids that messages, policies and documents use. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const docs = (source: string): Evidence => ({ source, verified: "2026-06" });

export const lambdaGotchas: ProfileInput["gotchas"] = [
  {
    id: "LAM1",
    statement: "Terminate erases the instance's disk, and there is no stop that would keep it.",
    handled: [
      { by: "plan", ref: "resolve", how: "the run directory is derived on the file system, never on the instance's disk" },
      { by: "policy", ref: "checkpoints-survive-teardown", how: "a durable tier that the teardown verb erases fails the preview" },
      { by: "provider", ref: "LambdaInstance", how: "delete asks for a grant that names the lost tier" },
    ],
    ...docs("docs-instances"),
  },
  {
    id: "LAM2",
    statement: "A file system is attached at launch or never, and only to an instance of its own region.",
    handled: [
      { by: "plan", ref: "resolve", how: "candidates in another region than the storage are refused" },
      { by: "policy", ref: "checkpoints-survive-teardown", how: "an instance without a file system fails the preview" },
      { by: "provider", ref: "LambdaInstance", how: "the file system is part of the launch and its region filters the candidates" },
      { by: "preflight", ref: "mount", how: "the mount must be a mount point and writable before a cell starts" },
    ],
    ...docs("docs-filesystems"),
  },
  {
    id: "LAM3",
    statement: "A shutdown typed on the machine puts it into state Alert and the bill goes on; only terminate ends it.",
    handled: [
      { by: "plan", ref: "resolve", how: "a setup or command that powers the machine off is warned about" },
      { by: "provider", ref: "LambdaInstance", how: "teardown is terminate through the API, polled until the machine is gone" },
      { by: "custody", ref: "BillingAudit", how: "every instance that still exists is listed with its price" },
    ],
    triggers: [
      { in: "command", pattern: "(^|[;&|(]\\s*|sudo\\s+(-\\S+\\s+)*)(shutdown|poweroff|halt|systemctl\\s+(poweroff|halt))(\\s|;|$)", warning: "powers the machine off, which does not end the bill" },
      { in: "setup", pattern: "(^|[;&|(\\n]\\s*|sudo\\s+(-\\S+\\s+)*)(shutdown|poweroff|halt|systemctl\\s+(poweroff|halt))(\\s|;|$)", warning: "powers the machine off, which does not end the bill" },
    ],
    ...docs("docs-billing"),
  },
  {
    id: "LAM4",
    statement: "A firewall ruleset belongs to a launch: it can be neither attached to nor removed from a running instance.",
    handled: [
      { by: "provider", ref: "LambdaInstance", how: "rulesets are part of the launch: attaching or removing one replaces the instance, editing its rules does not" },
      { by: "documentation", ref: "explain", how: "ports are tunnelled over SSH instead of opened" },
    ],
    ...docs("docs-firewalls"),
  },
  {
    id: "LAM5",
    statement: "The wanted GPU is often sold out, and there is no second-class tier to fall back to.",
    handled: [
      { by: "plan", ref: "capacity", how: "an ordered list of candidates with a bounded wait and a bounded price" },
      { by: "provider", ref: "LambdaInstance", how: "polls the listed capacity and launches the moment one of the candidates appears" },
    ],
    ...docs("capacity-log"),
  },
  {
    id: "LAM6",
    statement: "The file system goes on billing after the last instance is gone, until it is deleted.",
    handled: [
      { by: "plan", ref: "cost", how: "the price of a forgotten month is part of the plan" },
      { by: "custody", ref: "BillingAudit", how: "a kept file system is recorded as an owned leftover with its price and the command that removes it" },
    ],
    ...docs("docs-billing"),
  },
  {
    id: "LAM7",
    statement: "Installing torch with pip over the Lambda Stack leaves two versions, and the wrong one is imported.",
    handled: [
      { by: "script", ref: "lib/install_lock.py", how: "setup.lock leaves torch to the image" },
      { by: "plan", ref: "resolve", how: "a setup script that installs torch with pip is warned about" },
    ],
    triggers: [{ in: "setup", pattern: "pip3?\\s+install\\b[^\\n;&|]*\\btorch(?![\\w-])", warning: "installs torch over the image's own: use that one, or a venv of its own" }],
    ...docs("forum-staff"),
  },
  {
    id: "LAM8",
    statement: "An environment that borrows the system's torch breaks when pip later brings a second one.",
    handled: [{ by: "plan", ref: "resolve", how: "a setup that borrows system packages is warned about" }],
    triggers: [{ in: "setup", pattern: "--system-site-packages", warning: "borrows the system's torch into an environment that pip also writes to" }],
    ...docs("forum-staff"),
  },
  {
    id: "LAM9",
    statement: "A cold reboot wipes memory and every tmux session, and no kind of restart stops the bill.",
    handled: [
      { by: "script", ref: "run_queue.sh", how: "cells resume from the newest complete checkpoint whatever ended them" },
      { by: "provider", ref: "RemoteJob", how: "a queue that no longer lives is started again by the next update" },
    ],
    ...docs("docs-console"),
  },
  {
    id: "LAM10",
    statement: "There are no static addresses: a relaunched instance has a new one.",
    handled: [{ by: "provider", ref: "LambdaInstance", how: "the address is read from the API after every launch and the host key is recorded per instance" }],
    ...docs("forum-staff"),
  },
  {
    id: "LAM11",
    statement: "Upgrading all packages of a Lambda Stack image can leave PyTorch without cuDNN.",
    handled: [{ by: "plan", ref: "resolve", how: "a setup that upgrades all packages is warned about" }],
    triggers: [{ in: "setup", pattern: "apt(-get)?\\s+(-\\S+\\s+)*(full-upgrade|dist-upgrade|upgrade)\\b", warning: "upgrades every package of the image, which has broken cuDNN" }],
    ...docs("docs-troubleshooting"),
  },
  {
    id: "LAM12",
    statement: "1-Click Clusters and reservations are commitments of weeks, not minutes: two weeks at least, billed weekly, not cancelable.",
    handled: [{ by: "documentation", ref: "explain", how: "only on-demand instances are provisioned; clusters have no API to provision them by" }],
    ...docs("docs-clusters"),
  },
  {
    id: "LAM13",
    statement: "On the ARM machines (GH200) the usual torch wheel has no CUDA.",
    handled: [{ by: "plan", ref: "resolve", how: "a GH200 among the candidates is warned about" }],
    triggers: [{ in: "candidate", pattern: "gh200", warning: "is an ARM machine: use the image's torch, or wheels built for aarch64 with CUDA" }],
    ...docs("forum-staff"),
  },
];
