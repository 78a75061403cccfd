/**
 * Two small profiles of other kinds: a rental whose stop is safe until a clock releases it, billed in another currency,
 * and a scheduler that bills a quota, wipes node-local scratch and has a walltime. They show that the format carries them.
 */
import { known, mustProbe, notApplicable, type Evidence } from "../../../profiles";
import type { ProfileInput } from "../../../profiles/schema";

const docs: Evidence = { source: "docs", verified: "2026-06" };
const kept = known("kept", docs);
const lost = known("lost", docs);
const none = notApplicable("it does not exist here", docs);

const host: ProfileInput["host"] = {
  user: known("root", docs),
  home: known("/root", docs),
  root: known("root", docs),
  interpreter: known("/opt/python", docs),
  environmentContract: "The image is the environment.",
  sshPort: mustProbe("the console shows it", docs),
  address: known({ whileItLives: "changesOnStart", survivesRelaunch: false }, docs),
  proxyHook: known(". /etc/accelerate", docs),
  mirrorNeeded: known(true, docs),
  cudaMax: mustProbe("nvidia-smi", docs),
  localNvme: known(true, docs),
  caches: [{ variable: "HF_HOME", path: "/root/fast/hf", tier: "data", why: "off the system disk" }],
  credentialPlace: known("a file on the instance's own disk", docs),
  tensorboard: known({ directory: "/root/curves", port: 6007 }, docs),
  openPorts: known([6006], docs),
  conveniences: [],
};

const ssh: ProfileInput["channels"][number] = { id: "ssh", kind: "ssh", flavour: "directTcp", endpoint: "root@<host>", port: mustProbe("console", docs), carriesFiles: known(true, docs), auth: "key", ...docs };

export const rental = (): ProfileInput => ({
  id: "rental",
  title: "a rental with a stop",
  kind: "sshRental",
  summary: "Stop keeps the disks for fifteen days.",
  announce: [],
  sources: { docs: { title: "documentation" }, forum: { title: "forum" } },
  roles: [
    { role: "instance", title: "instance", end: { when: "always", verb: "release" }, naming: null },
    { role: "shared", title: "shared file system", end: { when: "storage", verb: "delete" }, naming: null },
  ],
  tiers: [
    {
      id: "data",
      title: "data disk",
      role: "instance",
      path: { template: "/root/fast", ...docs },
      survives: { processExit: known(true, docs), reboot: known(true, docs), stop: known(true, docs), destroy: known(false, docs) },
      capBytes: known(50e9, docs),
      capInodes: none,
      shared: known(false, docs),
      lockedTo: known("instance", docs),
      attach: known("builtIn", docs),
    },
    {
      id: "shared",
      title: "shared file system",
      role: "shared",
      path: { template: "/root/shared", ...docs },
      survives: { processExit: known(true, docs), reboot: known(true, docs), stop: known(true, docs), destroy: known(true, { ...docs, otherReadings: [{ reading: "gone with arrears", source: "forum", verified: "2026-05" }] }) },
      capBytes: known(200e9, docs),
      capInodes: known(200_000, docs),
      shared: known(true, docs),
      lockedTo: known("region", docs),
      attach: known("builtIn", docs),
    },
  ],
  meters: [
    { id: "compute", title: "instance", role: "instance", rate: known({ kind: "fixed", amount: 2.5, currency: "CNY", per: "hour" }, docs), from: known("start", docs), until: known("stop", docs), incrementSeconds: known(1, docs), capUsdPerMonth: none },
    { id: "disk", title: "data disk", role: "instance", rate: known({ kind: "fixed", amount: 0.01, currency: "CNY", per: "gbMonth" }, docs), from: known("start", docs), until: known("release", docs), incrementSeconds: none, capUsdPerMonth: none },
  ],
  verbs: [
    {
      verb: "stop",
      on: "instance",
      title: "stop",
      how: "console",
      use: "teardown",
      event: "stop",
      irreversible: known(false, docs),
      tiers: { data: kept, shared: kept },
      meters: { compute: known({ effect: "stops" }, docs), disk: known({ effect: "continues", rate: { kind: "fixed", amount: 0.02, currency: "CNY", per: "gbMonth" } }, docs) },
    },
    { verb: "release", on: "instance", title: "release", how: "console", use: "teardown", event: "destroy", irreversible: known(true, docs), tiers: { data: lost, shared: kept }, meters: { compute: known({ effect: "stops" }, docs), disk: known({ effect: "stops" }, docs) } },
    { verb: "delete", on: "shared", title: "delete", how: "console", use: "teardown", event: null, irreversible: known(true, docs), tiers: { data: none, shared: lost }, meters: { compute: none, disk: none } },
  ],
  clocks: [
    { id: "autoRelease", statement: "A stopped instance is released after 15 days.", from: "stop", defaultSeconds: known(15 * 86_400, docs), range: none, settable: none, effect: "destroy", gotchas: ["AD-DANGER"] },
  ],
  limits: [],
  channels: [ssh],
  detach: { primitive: "tmux", fallback: "nohup", survives: { disconnect: known(true, docs), reboot: known(false, docs), stop: known(false, docs) } },
  interruption: { model: "none", spot: known(false, docs), graceSeconds: none, meanHoursBetween: known(100, docs), resume: "load the newest" },
  host,
  gotchas: [{ id: "AD-DANGER", statement: "A stop is a fifteen-day clock.", handled: [{ by: "plan", ref: "clocks", how: "shown with its date" }], ...docs }],
  durable: { tier: "shared", mountFrom: "/root/shared" },
  ownDisk: { tier: "data" },
});

export const scheduler = (): ProfileInput => ({
  ...rental(),
  id: "scheduler",
  title: "a batch scheduler",
  kind: "slurm",
  sources: { docs: { title: "documentation" } },
  roles: [
    { role: "instance", title: "job", end: { when: "always", verb: "scancel" }, naming: null },
    { role: "project", title: "project space", end: { when: "storage", verb: "remove" }, naming: null },
  ],
  tiers: [
    {
      id: "nodeLocal",
      title: "node-local scratch",
      role: "instance",
      path: { template: "$TMPDIR", ...docs },
      survives: { processExit: known(true, docs), reboot: known(false, docs), stop: none, destroy: known(false, docs) },
      capBytes: mustProbe("df", docs),
      capInodes: mustProbe("df -i", docs),
      shared: known(false, docs),
      lockedTo: known("machine", docs),
      attach: known("builtIn", docs),
    },
    {
      id: "scratch",
      title: "parallel file system",
      role: "project",
      path: { template: "/scratch/{user}", ...docs },
      survives: { processExit: known(true, docs), reboot: known(true, docs), stop: none, destroy: known(true, docs) },
      capBytes: mustProbe("quota", docs),
      capInodes: mustProbe("quota", docs),
      shared: known(true, docs),
      lockedTo: known("cluster", docs),
      attach: known("builtIn", docs),
    },
  ],
  meters: [{ id: "compute", title: "fair share", role: "instance", rate: known({ kind: "quota", what: "GPU hours of the account" }, docs), from: known("start", docs), until: known("end", docs), incrementSeconds: none, capUsdPerMonth: none }],
  verbs: [
    { verb: "scancel", on: "instance", title: "cancel", how: "scancel", use: "teardown", event: "destroy", irreversible: known(true, docs), tiers: { nodeLocal: lost, scratch: kept }, meters: { compute: known({ effect: "stops" }, docs) } },
    { verb: "remove", on: "project", title: "remove", how: "rm", use: "teardown", event: null, irreversible: known(true, docs), tiers: { nodeLocal: none, scratch: lost }, meters: { compute: none } },
  ],
  clocks: [
    { id: "walltime", statement: "The job is killed at its walltime.", from: "launch", defaultSeconds: mustProbe("scontrol show partition", docs), range: mustProbe("scontrol show partition", docs), settable: known("#SBATCH --time", docs), effect: "destroy" },
  ],
  channels: [{ id: "sbatch", kind: "scheduler", flavour: "local", endpoint: "sbatch", port: none, carriesFiles: known(false, docs), auth: "login node", ...docs }],
  detach: { primitive: "sbatch", fallback: null, survives: { disconnect: known(true, docs), reboot: known(false, docs), stop: none } },
  interruption: { model: "preemption", spot: known(true, docs), graceSeconds: known(30, docs), meanHoursBetween: mustProbe("sacct", docs), resume: "requeue" },
  host: { ...host, caches: [{ variable: "HF_HOME", path: "{mount}/hf", tier: "scratch", why: "shared by all nodes" }] },
  gotchas: [],
  durable: { tier: "scratch", mountFrom: "/scratch/{user}" },
  ownDisk: { tier: "nodeLocal" },
});
