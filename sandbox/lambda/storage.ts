// File systems and SSH keys: what outlives instances.
import { mkdirSync } from "node:fs";
import type { SandboxCore } from "../core.js";
import { bytesIn, removeTree } from "../instance/disk.js";
import { generateRsaPair, isPublicKey } from "../instance/keys.js";
import { closeMeter, findOpen, openFileSystemMeter, sampleFileSystem } from "../meter.js";
import { recordAudit } from "./audit.js";
import { findRegion } from "./catalog/regions.js";
import * as errors from "./errors.js";
import { mountedBy } from "./render.js";
import { holdsResources, newId, type FileSystemRecord, type LambdaState, type SshKeyRecord } from "./state.js";

/** Lambda's documentation of 2024: about $0.20 per GB and month, billed hourly. */
const usdPerGibMonth = 0.2;
const sampleEveryMs = 3_600_000;

export class LambdaStorage {
  constructor(
    private readonly core: SandboxCore,
    private readonly state: LambdaState,
  ) {}

  createFileSystem(name: string, regionName: string): FileSystemRecord {
    const { core, state } = this;
    if (!findRegion(regionName)) throw errors.invalidParameters(`Error in request body at 'region': Region '${regionName}' does not exist`);
    const existing = Object.values(state.fileSystems);
    if (existing.some((one) => one.name === name)) throw errors.duplicate(`Filesystem with name '${name}' already exists.`);
    const { filesystems } = core.knobs().quota;
    if (filesystems !== null && existing.length >= filesystems) throw errors.quotaExceeded();
    const record: FileSystemRecord = { id: newId(), name, regionName, created: core.clock.realIso(), bytesUsed: 0, bytesCountedMs: core.clock.now() };
    mkdirSync(core.layout.fileSystem(record.id), { recursive: true });
    state.fileSystems[record.id] = record;
    openFileSystemMeter(core.store.state.meter, core.clock, { id: record.id, name, usdPerGibMonth });
    recordAudit(core, state, "filesystem", "create", record.id);
    core.store.save();
    return record;
  }

  /** Its content is gone when this resolves. Throws 400 while an instance mounts it, also a terminating one. */
  async deleteFileSystem(id: string): Promise<void> {
    const { core, state } = this;
    this.refuseDelete(id);
    await this.sample(id);
    // A launch or a second delete may have come in while it was measured.
    this.refuseDelete(id);
    Reflect.deleteProperty(state.fileSystems, id);
    closeMeter(core.store.state.meter, core.clock, id);
    recordAudit(core, state, "filesystem", "delete", id);
    core.store.save();
    await removeTree(core.layout.fileSystem(id));
  }

  /** Without a public key the pair is made here, and the private part is in this answer only. */
  async addKey(name: string, publicKey: string | undefined): Promise<SshKeyRecord & { privateKey?: string }> {
    const { core, state } = this;
    if (publicKey !== undefined && !isPublicKey(publicKey)) throw errors.invalidParameters("Error in request body at 'public_key': Input should be a valid SSH public key");
    const pair = publicKey === undefined ? await generateRsaPair() : { publicKey: publicKey.trim() };
    // The contract gives one error code to this route, whatever the fault.
    if (Object.values(state.sshKeys).some((one) => one.name === name)) throw errors.invalidParameters(`SSH key with name '${name}' already exists.`);
    const record: SshKeyRecord = { id: newId(), name, publicKey: pair.publicKey };
    state.sshKeys[record.id] = record;
    recordAudit(core, state, "ssh_key", "create", record.id);
    core.store.save();
    return "privateKey" in pair ? { ...record, privateKey: pair.privateKey } : record;
  }

  deleteKey(id: string): void {
    const { core, state } = this;
    if (!state.sshKeys[id]) throw errors.notFound();
    if (Object.values(state.instances).some((one) => one.sshKeyId === id && holdsResources(one))) throw errors.keyInUse();
    Reflect.deleteProperty(state.sshKeys, id);
    recordAudit(core, state, "ssh_key", "delete", id);
    core.store.save();
  }

  /** Measures what is due, hourly in the vendor's time. */
  async tick(): Promise<void> {
    const { meter } = this.core.store.state;
    for (const { id } of Object.values(this.state.fileSystems)) {
      const record = findOpen(meter, id);
      if (record?.kind === "filesystem" && this.core.clock.now() - record.sampledMs >= sampleEveryMs) await this.sample(id);
    }
  }

  /** Counts what the API shows, where the last count is as old as the knob asks. */
  async countBytes(): Promise<void> {
    const { core, state } = this;
    const lagMs = core.knobs().bytesUsedLagSeconds * 1000;
    for (const record of Object.values(state.fileSystems)) {
      if (core.clock.now() - (record.bytesCountedMs ?? 0) < lagMs) continue;
      record.bytesUsed = await bytesIn(core.layout.fileSystem(record.id));
      record.bytesCountedMs = core.clock.now();
    }
    core.store.save();
  }

  async sampleAll(): Promise<void> {
    for (const id of Object.keys(this.state.fileSystems)) await this.sample(id);
  }

  private refuseDelete(id: string): void {
    if (!this.state.fileSystems[id]) throw errors.fileSystemNotFound();
    if (mountedBy(id, this.state).length > 0) throw errors.fileSystemInUse();
  }

  private async sample(id: string): Promise<void> {
    const bytes = await bytesIn(this.core.layout.fileSystem(id));
    sampleFileSystem(this.core.store.state.meter, id, bytes, this.core.clock.now());
    this.core.store.save();
  }
}
