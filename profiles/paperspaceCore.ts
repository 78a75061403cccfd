/**
 * Paperspace machines (Core), now a part of DigitalOcean: virtual machines with a disk of their own. What a stop goes on
 * billing and what a delete takes along is contradictory in the vendor's own pages; the readings used here are the bad ones.
 */
import { defineProfile } from "./defineProfile";
import { known, mustProbe, notApplicable, type Evidence } from "./fact";
import { paperspaceCoreGotchas } from "./paperspaceGotchas";
import type { ProfileInput } from "./schema";

const machines: Evidence = { source: "docs-machines", verified: "2026-06" };
const limits: Evidence = { source: "docs-limits", verified: "2025-06" };
const pricing: Evidence = { source: "pricing", verified: "2025-11" };
const community: Evidence = { source: "community-profile", verified: "2026-06" };
const contract: Evidence = { source: "api-contract", verified: "2026-03" };
const clients: Evidence = { source: "public-clients", verified: "2026-05" };
const support: Evidence = { source: "support-billing", verified: "2026-03" };
const assumption: Evidence = { source: "assumption", verified: "2026-08" };

const kept = (evidence: Evidence) => known("kept", evidence);
const lost = (evidence: Evidence) => known("lost", evidence);
const untouched = (evidence: Evidence) => notApplicable("the verb does not touch it", evidence);
const continues = (evidence: Evidence) => known({ effect: "continues" }, evidence);
const stops = (evidence: Evidence) => known({ effect: "stops" }, evidence);
const free = notApplicable("it is free", pricing);
const noCap = notApplicable("no monthly maximum exists", pricing);

type TierFates = ProfileInput["verbs"][number]["tiers"];
type MeterEffects = ProfileInput["verbs"][number]["meters"];

const noTier: TierFates = { disk: untouched(contract), sharedDrive: untouched(contract), snapshot: untouched(contract) };
const noMeter: MeterEffects = { compute: untouched(contract), disk: untouched(contract), sharedDrive: untouched(contract), snapshot: untouched(contract), publicIp: untouched(contract), template: untouched(contract), egress: free };

/** Both readings of what a delete does to snapshots; the fact is the one that loses them. */
const snapshotsAfterDelete = {
  ...limits,
  otherReadings: [{ reading: "snapshots survive the machine and bill $0.29 per GB and month until they are deleted", source: "community-profile", verified: "2026-06" }],
};

/** Storage and addresses count hours up to a monthly maximum; the step amounts are those maxima. */
const steps = (amounts: readonly (readonly [number, number])[]) => ({ kind: "stepped" as const, currency: "USD" as const, per: "month" as const, steps: amounts.map(([upToGb, amount]) => ({ upToGb, amount })) });

export const paperspaceCore = defineProfile({
  id: "paperspaceCore",
  title: "Paperspace machines (Core)",
  kind: "cloudApi",
  summary: "Virtual machines with root, SSH and a disk of their own that a stop keeps and a delete erases. A shared drive of the same region is the only storage with a path that outlives its machine.",
  announce: [
    "Auto-shutdown is a wall clock for a machine that is used over SSH, and after creation it is set for certain in the console only: set it when the machine is created.",
    "A stop keeps the disk and ends no bill for certain: disk, static address and snapshots go on, compute perhaps too.",
    "A delete erases the disk and leaves a static address billing until it is released.",
    "Never count on a snapshot: sources disagree on whether it outlives its machine.",
  ],
  sources: {
    "docs-machines": { title: "docs.digitalocean.com: Paperspace machines, how-to pages", url: "https://docs.digitalocean.com/products/paperspace/machines/" },
    "docs-auto-shutdown": { title: "docs.digitalocean.com: manage auto-shutdown", url: "https://docs.digitalocean.com/products/paperspace/machines/how-to/manage-auto-shutdown/" },
    "docs-limits": { title: "docs.digitalocean.com: machines, limits, deactivation, states", url: "https://docs.digitalocean.com/products/paperspace/machines/details/limits/" },
    "docs-release-notes": { title: "Paperspace's release notes of May 2024" },
    pricing: { title: "docs.digitalocean.com: Paperspace pricing, as edited in November 2025", url: "https://docs.digitalocean.com/products/paperspace/pricing/" },
    "support-billing": { title: "support.paperspace.com: unpaid invoices", url: "https://support.paperspace.com/hc/en-us/articles/234743128" },
    "community-profile": { title: "A public guide to training on Paperspace that quotes the vendor's pages of June 2026" },
    "api-contract": { title: "Paperspace API v1, OpenAPI document and reference pages", url: "https://api.paperspace.com/v1/openapi.json" },
    "public-clients": { title: "Public clients that drive the API: a Terraform provider, SkyPilot, Cloudy Pad" },
    assumption: { title: "Holdfast's own assumption, for want of a published number" },
  },
  roles: [
    { role: "instance", title: "machine", end: { when: "always", verb: "delete" }, naming: { pattern: "^.+$", maxLength: 255, statement: "any text; no tags exist, so the name carries the run", ...contract } },
    { role: "publicIp", title: "static address", end: { when: "ifUsed", verb: "release" }, naming: null },
    { role: "snapshot", title: "snapshot", end: { when: "ifUsed", verb: "delete" }, naming: null },
    { role: "startupScript", title: "startup script", end: { when: "always", verb: "delete" }, naming: null },
    { role: "sharedDrive", title: "shared drive", end: { when: "storage", verb: "delete" }, naming: null },
    { role: "network", title: "private network", end: { when: "storage", verb: "delete" }, naming: null },
    { role: "template", title: "custom template", end: { when: "ifUsed", verb: "delete" }, naming: null },
  ],
  tiers: [
    {
      id: "disk",
      title: "machine's own disk",
      role: "instance",
      path: { template: "/home/paperspace", ...machines, note: "The whole root disk. Work lands here by default." },
      survives: { processExit: known(true, machines), reboot: known(true, machines), stop: known(true, machines), destroy: known(false, machines) },
      capBytes: known(2e12, { ...machines, note: "50 GB to 2 TB, chosen at creation and only ever enlarged." }),
      capInodes: mustProbe("df -i: no limit is documented", machines),
      shared: known(false, machines),
      lockedTo: known("instance", machines),
      attach: known("builtIn", machines),
      gotchas: ["PS1", "PS5"],
    },
    {
      id: "sharedDrive",
      title: "shared drive",
      role: "sharedDrive",
      path: { template: "/mnt/holdfast/{name}", readFrom: "sharedDrive.mountPath", ...contract, note: "An SMB share of a private network, mounted by hand: `mountPoint` of the API is //address/name." },
      survives: { processExit: known(true, machines), reboot: known(true, machines), stop: known(true, machines), destroy: known(true, machines) },
      capBytes: known(16e12, { ...pricing, note: "Size classes from 250 GB.", otherReadings: [{ reading: "80 TB is on the price list, a sample creates 50 GB", source: "api-contract", verified: "2026-03" }] }),
      capInodes: mustProbe("df -i on the mount", machines),
      shared: known(true, machines),
      lockedTo: known("region", machines),
      attach: known("anytime", { ...machines, note: "Needs a private network in the same region that the machine is in." }),
      gotchas: ["PS5"],
    },
    {
      id: "snapshot",
      title: "snapshot of the disk",
      role: "snapshot",
      path: { template: "(no path: restored over the same machine only)", ...machines },
      survives: { processExit: known(true, machines), reboot: known(true, machines), stop: known(true, machines), destroy: known(false, snapshotsAfterDelete) },
      capBytes: known(2e12, machines),
      capInodes: notApplicable("an image of the disk, not a file system", machines),
      shared: known(false, machines),
      lockedTo: known("instance", limits),
      attach: known("declared", { ...machines, note: "Off unless switched on; at most ten are kept." }),
      gotchas: ["PS9"],
    },
  ],
  meters: [
    {
      id: "compute",
      title: "machine",
      role: "instance",
      rate: known({ kind: "live", where: "usageRate of the machine; the API has no price list, paperspacePrices.ts holds a dated one", per: "hour" }, contract),
      from: known("creation", pricing),
      until: known("delete", { ...pricing, otherReadings: [{ reading: "off: the only state in which no hourly usage is charged", source: "docs-limits", verified: "2025-06" }] }),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: notApplicable("GPU and CPU hours have no monthly maximum", pricing),
      gotchas: ["PS1", "PS2"],
    },
    {
      id: "disk",
      title: "machine's disk, by size class",
      role: "instance",
      rate: known(steps([[50, 5], [100, 7], [250, 10], [500, 25], [1000, 55], [2000, 120]]), pricing),
      from: known("creation", pricing),
      until: known("delete", machines),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: notApplicable("the step is the monthly maximum", pricing),
      gotchas: ["PS1"],
    },
    {
      id: "sharedDrive",
      title: "shared drive, by size class",
      role: "sharedDrive",
      rate: known(steps([[250, 16], [500, 33], [1000, 65], [2000, 130], [4000, 260], [8000, 520], [12_000, 780], [16_000, 1040]]), pricing),
      from: known("creation", pricing),
      until: known("deletion, mounted or not", pricing),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: notApplicable("the step is the monthly maximum", pricing),
      gotchas: ["PS1"],
    },
    {
      id: "snapshot",
      title: "snapshot, by the disk's size class",
      role: "snapshot",
      rate: known(steps([[50, 1], [100, 1.2], [250, 1.4], [500, 2], [1000, 4], [2000, 8]]), {
        ...pricing,
        note: "Per snapshot.",
        otherReadings: [{ reading: "$0.29 per GB and month, which is the price of Gradient's storage", source: "community-profile", verified: "2026-06" }],
      }),
      from: known("creation", pricing),
      until: known("deletion", pricing),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: notApplicable("the step is the monthly maximum", pricing),
      gotchas: ["PS9"],
    },
    {
      id: "publicIp",
      title: "public address",
      role: "publicIp",
      rate: known({ kind: "fixed", amount: 0.0045, currency: "USD", per: "hour" }, pricing),
      from: known("assignment; a static one from its claim", pricing),
      until: known("release for a static one, power-off for a dynamic one", machines),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: known(3, pricing),
      gotchas: ["PS1", "PS6"],
    },
    {
      id: "template",
      title: "custom template, by the disk's size class",
      role: "template",
      rate: known(steps([[50, 3.5], [100, 6], [250, 11], [500, 17], [1000, 24], [2000, 42]]), pricing),
      from: known("creation", pricing),
      until: known("deletion: it outlives its machine", machines),
      incrementSeconds: known(3600, pricing),
      capUsdPerMonth: notApplicable("the step is the monthly maximum", pricing),
      gotchas: ["PS1", "PS5"],
    },
    { id: "egress", title: "network transfer", role: "instance", rate: known({ kind: "free" }, pricing), from: free, until: free, incrementSeconds: free, capUsdPerMonth: noCap },
  ],
  verbs: [
    {
      verb: "delete",
      on: "instance",
      title: "delete (deactivate) the machine",
      how: "PATCH /machines/{id}/stop and wait for off, release the static address, DELETE /machines/{id}, then wait for 404",
      use: "teardown",
      event: "destroy",
      irreversible: known(true, machines),
      tiers: { disk: lost(machines), sharedDrive: kept(machines), snapshot: lost(snapshotsAfterDelete) },
      meters: {
        ...noMeter,
        compute: stops(pricing),
        disk: stops(pricing),
        sharedDrive: continues(pricing),
        snapshot: continues({ ...community, otherReadings: [{ reading: "snapshots go with the machine, so nothing is left to bill", source: "docs-limits", verified: "2025-06" }] }),
        publicIp: continues({ ...machines, note: "A static address stays claimed; the API's delete has no flag to release it." }),
        template: continues(machines),
      },
      gotchas: ["PS1", "PS9"],
    },
    {
      verb: "stop",
      on: "instance",
      title: "switch the machine off",
      how: "PATCH /machines/{id}/stop with body {}, then wait for off",
      use: "teardown",
      event: "stop",
      irreversible: known(false, machines),
      tiers: { disk: kept(machines), sharedDrive: kept(machines), snapshot: kept(machines) },
      meters: {
        ...noMeter,
        compute: continues({
          ...pricing,
          note: "The price list of 2025-11 says that machines bill when off, because the capacity stays reserved.",
          otherReadings: [
            { reading: "off is the only state without hourly usage fees", source: "docs-limits", verified: "2025-06" },
            { reading: "the same page in 2026-06: storage, addresses and add-ons go on, compute is not mentioned", source: "community-profile", verified: "2026-06" },
          ],
        }),
        disk: continues(community),
        sharedDrive: continues(community),
        snapshot: continues(community),
        publicIp: continues({ ...community, note: "A static address; a dynamic one is given back and free." }),
        template: continues(pricing),
      },
      gotchas: ["PS1", "PS6"],
    },
    {
      verb: "restart",
      on: "instance",
      title: "restart the machine",
      how: "PATCH /machines/{id}/restart with body {}",
      use: "operate",
      event: "reboot",
      irreversible: known(false, machines),
      tiers: { disk: kept(machines), sharedDrive: kept(machines), snapshot: kept(machines) },
      meters: { ...noMeter, compute: continues(machines), disk: continues(machines), sharedDrive: continues(machines), snapshot: continues(machines), publicIp: continues(machines), template: continues(machines) },
      gotchas: ["PS6"],
    },
    {
      verb: "enlargeDisk",
      on: "instance",
      title: "enlarge the disk",
      how: "PUT /machines/{id} {diskSize}, on a machine that is off",
      use: "operate",
      event: null,
      irreversible: known(true, machines),
      tiers: { disk: kept(machines), sharedDrive: kept(machines), snapshot: kept(machines) },
      meters: { ...noMeter, compute: continues(pricing), disk: continues(pricing), sharedDrive: continues(pricing), snapshot: continues(pricing), publicIp: continues(pricing), template: continues(pricing) },
      gotchas: ["PS5"],
    },
    {
      verb: "shutdown",
      on: "instance",
      title: "shutdown typed on the machine",
      how: "sudo shutdown -h now, poweroff, halt",
      use: "trap",
      event: null,
      irreversible: mustProbe("whether the machine then counts as off is documented nowhere; look at its state", machines),
      tiers: { disk: mustProbe("start it again and look", machines), sharedDrive: kept(machines), snapshot: kept(machines) },
      meters: { ...noMeter, compute: continues(assumption), disk: continues(pricing), sharedDrive: continues(pricing), snapshot: continues(pricing), publicIp: continues(pricing), template: continues(pricing) },
      gotchas: ["PS1"],
    },
    {
      verb: "restore",
      on: "snapshot",
      title: "restore a snapshot over its machine",
      how: "POST /snapshots/{id}/restore {createSnapshotBeforeRestore: true}",
      use: "operate",
      event: null,
      irreversible: known(true, machines),
      tiers: { disk: lost({ ...machines, note: "Everything written since the snapshot is overwritten." }), sharedDrive: kept(machines), snapshot: kept(machines) },
      meters: noMeter,
      gotchas: ["PS9"],
    },
    { verb: "delete", on: "snapshot", title: "delete the snapshot", how: "DELETE /snapshots/{id}", use: "teardown", event: null, irreversible: known(true, contract), tiers: { ...noTier, snapshot: lost(contract) }, meters: { ...noMeter, snapshot: stops(pricing) }, gotchas: ["PS9"] },
    { verb: "release", on: "publicIp", title: "release the static address", how: "DELETE /public-ips/{ip}, before the machine goes", use: "teardown", event: null, irreversible: known(true, machines), tiers: noTier, meters: { ...noMeter, publicIp: stops(machines) }, gotchas: ["PS1", "PS6"] },
    { verb: "delete", on: "startupScript", title: "delete the startup script", how: "DELETE /startup-scripts/{id}", use: "teardown", event: null, irreversible: known(true, contract), tiers: noTier, meters: noMeter },
    { verb: "delete", on: "sharedDrive", title: "delete the shared drive", how: "DELETE /shared-drives/{id}", use: "teardown", event: null, irreversible: known(true, contract), tiers: { ...noTier, sharedDrive: lost(contract) }, meters: { ...noMeter, sharedDrive: stops(pricing) }, gotchas: ["PS1"] },
    { verb: "delete", on: "network", title: "delete the private network", how: "DELETE /private-networks/{id}, impossible while a machine is in it", use: "teardown", event: null, irreversible: known(true, machines), tiers: noTier, meters: noMeter },
    { verb: "delete", on: "template", title: "delete the custom template", how: "DELETE /custom-templates/{id}", use: "teardown", event: null, irreversible: known(true, contract), tiers: noTier, meters: { ...noMeter, template: stops(pricing) }, gotchas: ["PS1"] },
  ],
  clocks: [
    {
      id: "autoShutdown",
      statement: "Auto-shutdown switches the machine off, on Linux whether or not anybody is connected over SSH; disk and address go on billing.",
      from: "launch",
      defaultSeconds: notApplicable("off unless it is set", machines),
      range: known({ minSeconds: 3600, maxSeconds: 604_800 }, { source: "docs-auto-shutdown", verified: "2026-06", note: "One known client accepts only 1, 8, 24 and 168 hours." }),
      settable: known("paperspaceCore.autoShutdownHours, at creation; later in the console", {
        source: "docs-auto-shutdown",
        verified: "2026-06",
        otherReadings: [{ reading: "PUT /machines/{id} changes it on a machine that is off, not always with effect", source: "public-clients", verified: "2026-05" }],
      }),
      effect: "stop",
      gotchas: ["PS2"],
    },
    {
      id: "computeWithoutEnd",
      statement: "Without auto-shutdown nothing ends a machine: it bills by the hour until somebody deletes it.",
      from: "launch",
      defaultSeconds: notApplicable("no timer exists", pricing),
      range: notApplicable("no timer exists", pricing),
      settable: known("paperspaceCore.autoShutdownHours, and budget.maxHours, which plan and policies read", assumption),
      effect: "bills",
      gotchas: ["PS1"],
    },
    {
      id: "leftoversWithoutEnd",
      statement: "A static address, a shared drive, a custom template and perhaps snapshots bill until each is deleted, whatever became of the machine.",
      from: "finish",
      defaultSeconds: notApplicable("no timer exists", pricing),
      range: notApplicable("no timer exists", pricing),
      settable: notApplicable("delete them: teardown.storage for the drive", pricing),
      effect: "bills",
      gotchas: ["PS1", "PS9"],
    },
    {
      id: "unpaidShutdown",
      statement: "72 hours after an unpaid invoice all machines are shut down, and after more than 60 days the account may be purged.",
      from: "unknown",
      defaultSeconds: known(259_200, support),
      range: notApplicable("not adjustable", support),
      settable: notApplicable("pay the invoice", support),
      effect: "stop",
      gotchas: [],
    },
  ],
  limits: [
    { id: "pageSize", statement: "Lists answer at most 120 entries a page.", value: known(120, contract), unit: "count" },
    { id: "requestRate", statement: "Too many requests are answered with 429; the number is not published.", value: mustProbe("back off exponentially on 429", contract), unit: "requestsPerSecond" },
    { id: "bootTypical", statement: "From creation to ready: one to ten minutes.", value: known(600, clients), unit: "seconds" },
    { id: "stopTypical", statement: "From stop to off: about a minute, up to 16 were waited for.", value: known(960, clients), unit: "seconds" },
    { id: "machines", statement: "Machines per team: team.maxMachines of /auth/session; large types need an approval first.", value: mustProbe("GET /auth/session", contract), unit: "count" },
    { id: "autoSnapshots", statement: "At most ten automatic snapshots are kept.", value: known(10, machines), unit: "count", gotchas: ["PS9"] },
  ],
  channels: [
    { id: "api", kind: "rest", flavour: "https", endpoint: "https://api.paperspace.com/v1", port: known(443, contract), carriesFiles: known(false, contract), auth: "Authorization: Bearer KEY from PAPERSPACE_API_KEY", gotchas: ["PS4"], ...contract, otherReadings: [{ reading: "api.paperspace.io and the Gradient API: switched off", source: "docs-release-notes", verified: "2024-05" }] },
    { id: "pspace", kind: "cli", flavour: "https", endpoint: "pspace", port: notApplicable("a local program", clients), carriesFiles: known(false, clients), auth: "PAPERSPACE_API_KEY", gotchas: ["PS4"], ...clients },
    { id: "ssh", kind: "ssh", flavour: "directTcp", endpoint: "paperspace@<ip>", port: known(22, machines), carriesFiles: known(true, machines), auth: "a key in authorized_keys, put there by a startup script: the API has no key endpoint", gotchas: ["PS6"], ...machines },
  ],
  detach: {
    primitive: "tmux",
    fallback: "nohup with stdin from /dev/null",
    survives: { disconnect: known(true, machines), reboot: known(false, machines), stop: known(false, machines) },
    gotchas: ["PS2"],
  },
  interruption: {
    model: "A running machine is not evicted. What ends a run is the auto-shutdown timer, known in advance, and capacity at the next start.",
    spot: known(false, machines),
    graceSeconds: mustProbe("whether auto-shutdown sends a signal first is documented nowhere", machines),
    meanHoursBetween: known(72, { ...assumption, note: "Stands for hardware faults and relaunches; a shorter auto-shutdown is a clock of its own." }),
    resume: "Load the newest complete checkpoint from the shared drive at every start, without a flag.",
    gotchas: ["PS2"],
  },
  host: {
    user: known("paperspace", machines),
    home: known("/home/paperspace", machines),
    root: known("sudo", machines),
    interpreter: known("python3", machines),
    environmentContract: "The template (ML-in-a-Box: driver, CUDA, PyTorch, TensorFlow) is the environment. H100 needs Ubuntu 22.04. Do not build a second conda beside it, do not replace the driver.",
    sshPort: known(22, machines),
    address: known({ whileItLives: "changesOnStart", survivesRelaunch: false }, { ...machines, note: "Static addresses stay, dynamic ones change at every start." }),
    proxyHook: notApplicable("egress is direct", community),
    mirrorNeeded: known(false, community),
    cudaMax: mustProbe("nvidia-smi: the template's driver lags behind", community),
    localNvme: mustProbe("lsblk", community),
    caches: [{ variable: "HF_HOME", path: "/home/paperspace/.cache/huggingface", tier: "disk", why: "downloads are repeatable and faster on the machine's own disk than on a network share" }],
    credentialPlace: known("PAPERSPACE_API_KEY", contract),
    tensorboard: known({ directory: null, port: 6006 }, community),
    openPorts: known([22], { ...machines, note: "No platform firewall is described: the machine's own decides." }),
    conveniences: [
      { statement: "Network transfer is free, so pulling before a teardown costs nothing.", ...pricing },
      { statement: "Storage and addresses have a monthly maximum: a forgotten address is $3, a forgotten 2 TB disk $120.", ...pricing },
      { statement: "GET /auth/session checks a key, GET /machine-availability asks for capacity before a launch.", ...contract },
    ],
  },
  gotchas: paperspaceCoreGotchas,
  durable: { tier: "sharedDrive", mountFrom: "sharedDrive.mountPath" },
  ownDisk: { tier: "disk" },
});
