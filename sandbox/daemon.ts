// The daemon in the foreground: takes the lock, restores the state, adopts what still runs, listens, keeps time.
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { messageOf, UserError } from "../custody/userError.js";
import { addAdminRoutes, adminPrefix, applyKnobs } from "./http/admin.js";
import { VendorClock } from "./clock.js";
import type { SandboxCore, VendorApi } from "./core.js";
import type { SandboxDescriptor } from "./descriptor.js";
import { chooseSshPort } from "./instance/address.js";
import { removeTree } from "./instance/disk.js";
import { InstanceHost } from "./instance/host.js";
import { checkInstanceSupport } from "./instance/support.js";
import { defaultKnobs, patchKnobs, type KnobsPatch } from "./knobs.js";
import { lambdaCloud, lambdaPrefix } from "./lambda/index.js";
import { layoutOf, prepareStateDir, sandboxTag, type Layout } from "./layout.js";
import { daemonLockName, tryLock } from "./process/lock.js";
import { identify } from "./process/identity.js";
import { RequestLog } from "./http/requestLog.js";
import { Store, writeAtomically } from "./store.js";
import { Ticker } from "./ticker.js";

export interface DaemonOptions {
  /** State directory; made if missing. One daemon per directory. */
  readonly dir: string;
  /** Applied over the persisted knobs at every start. */
  readonly knobs?: KnobsPatch;
  /** Real time in milliseconds since the epoch; for tests. */
  readonly realNow?: () => number;
}

export interface RunningDaemon {
  readonly descriptor: SandboxDescriptor;
  /** Ends listening; ends the instances too (they boot again at the next start) unless they are to be kept running. */
  stop(options?: { keepInstances?: boolean }): Promise<void>;
  /** Resolves when it has stopped, by whatever way. */
  readonly stopped: Promise<void>;
}

/** Throws UserError when another daemon serves the directory, or this machine cannot run instances. */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const layout = layoutOf(options.dir);
  prepareStateDir(layout);
  await checkInstanceSupport();
  const lock = await tryLock(daemonLockName(sandboxTag(layout)));
  if (!lock) throw new UserError(`A sandbox already runs in ${layout.dir}.`, { code: "sandbox-already-running", next: ["holdfast sandbox status"] });
  try {
    return await serve(layout, options, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function serve(layout: Layout, options: DaemonOptions, releaseLock: () => Promise<void>): Promise<RunningDaemon> {
  const ticker = new Ticker((error) => {
    log(layout, `tick: ${error instanceof Error ? error.stack : String(error)}`);
  });
  const core = await restore(layout, options, ticker);
  const vendors: VendorApi[] = [lambdaCloud(core)];
  await core.host.adopt();
  await sweep(layout, core.store, vendors);
  core.clock.resume();

  const app = Fastify({ bodyLimit: 4 * 1024 * 1024, forceCloseConnections: true, exposeHeadRoutes: false });
  const { stop, stopped } = stopOnce(core, async (keepInstances) => {
    rmSync(layout.descriptor, { force: true });
    await app.close();
    await ticker.stop();
    if (!keepInstances) {
      await core.host.suspendAll();
      core.clock.pause();
    }
    core.store.save();
    await releaseLock();
  });
  addAdminRoutes(app, core, vendors, stop);
  for (const vendor of vendors) vendor.register(app);

  const { state } = core.store;
  state.httpPort = await listen(app, state.httpPort);
  core.store.save();
  const descriptor = describe(layout, core.store);
  writeAtomically(layout.descriptor, `${JSON.stringify(descriptor, null, 2)}\n`);
  log(layout, `listening on ${descriptor.url}, instances on port ${descriptor.sshPort}`);
  const tag = sandboxTag(layout);
  ticker.start(
    async () => {
      if (isStillThere(layout, tag)) return (await Promise.all(vendors.map((vendor) => vendor.tick()))).some(Boolean);
      // Somebody removed the state directory: nothing could find this daemon or its instances any more.
      core.store.detach();
      stop(false);
      return false;
    },
    () => Object.keys(state.machines).length > 0,
  );
  return {
    ...{ descriptor, stopped },
    stop: ({ keepInstances = false } = {}) => {
      stop(keepInstances);
      return stopped;
    },
  };
}

/** State, clock and knobs as the last daemon left them, with this start's knobs over them. */
async function restore(layout: Layout, options: DaemonOptions, ticker: Ticker): Promise<SandboxCore> {
  const realNow = options.realNow ?? Date.now;
  const store = await openStore(layout, realNow());
  const { state } = store;
  const save = (): void => {
    store.save();
  };
  const kick = (): void => {
    ticker.kick();
  };
  const core: SandboxCore = {
    ...{ layout, store, kick, requests: new RequestLog(), apiKey: readApiKey(layout), knobs: () => state.knobs },
    clock: new VendorClock(state.clock, realNow),
    host: new InstanceHost(layout, state.machines, state.sshPort, save, kick),
  };
  // The same capacity schedule given at every start goes on counting from when it was first given.
  const { knobs: before, capacitySinceMs } = state;
  const after = applyKnobs(core, options.knobs ?? {});
  if (JSON.stringify(before.capacity) === JSON.stringify(after.capacity)) state.capacitySinceMs = capacitySinceMs;
  return core;
}

/** However often and from wherever it is asked, it happens once. */
function stopOnce(core: SandboxCore, work: (keepInstances: boolean) => Promise<void>): { stop: (keepInstances: boolean) => void; stopped: Promise<void> } {
  let begun = false;
  let announce: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const stop = (keepInstances: boolean): void => {
    if (begun) return;
    begun = true;
    work(keepInstances)
      .then(
        () => { log(core.layout, "stopped"); },
        (error: unknown) => { log(core.layout, `stop: ${messageOf(error)}`); },
      )
      .finally(announce);
  };
  return { stop, stopped };
}

async function openStore(layout: Layout, realNowMs: number): Promise<Store> {
  const remembered = Store.read(layout.state);
  if (remembered) return new Store(layout.state, remembered);
  const knobs = patchKnobs(defaultKnobs, {});
  return new Store(layout.state, {
    ...{ v: 1, httpPort: 0, sshPort: await chooseSshPort(), knobs, capacitySinceMs: realNowMs },
    clock: VendorClock.begin(realNowMs, knobs.timeScale),
    ...{ machines: {}, meter: [], vendors: {} },
  });
}

/** Made once per state directory. */
function readApiKey(layout: Layout): string {
  try {
    return readFileSync(layout.apiKey, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const key = `secret_sandbox_${randomBytes(24).toString("hex")}`;
    writeFileSync(layout.apiKey, `${key}\n`, { mode: 0o600 });
    return key;
  }
}

/** Removes disks and file systems that a daemon killed in the middle of a deletion left behind. */
async function sweep(layout: Layout, store: Store, vendors: readonly VendorApi[]): Promise<void> {
  const fileSystems = new Set(vendors.flatMap((vendor) => vendor.fileSystems().map(({ id }) => id)));
  for (const name of readdirSync(layout.fileSystems)) if (!fileSystems.has(name)) await removeTree(join(layout.fileSystems, name));
  for (const name of readdirSync(layout.instances)) if (!(name in store.state.machines)) await removeTree(join(layout.instances, name));
}

/** The remembered port, so that a remembered URL stays right; another one when somebody took it meanwhile. */
async function listen(app: FastifyInstance, preferred: number): Promise<number> {
  const port = async (wanted: number): Promise<number> => Number(new URL(await app.listen({ host: "127.0.0.1", port: wanted })).port);
  if (preferred === 0) return port(0);
  return port(preferred).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return port(0);
  });
}

function isStillThere(layout: Layout, tag: string): boolean {
  try {
    return sandboxTag(layout) === tag;
  } catch {
    return false;
  }
}

function describe(layout: Layout, { state }: Store): SandboxDescriptor {
  const self = identify(process.pid);
  if (!self) throw new Error("this process is missing from /proc");
  const base = `http://127.0.0.1:${state.httpPort}`;
  return {
    ...{ v: 1, pid: self.pid, startTicks: self.startTicks, url: `${base}${lambdaPrefix}`, adminUrl: `${base}${adminPrefix}` },
    ...{ apiKeyFile: layout.apiKey, sshPort: state.sshPort, timeScale: state.knobs.timeScale },
  };
}

function log(layout: Layout, line: string): void {
  if (!existsSync(layout.dir)) return;
  appendFileSync(layout.log, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
}
