// What the generic parts of the sandbox offer to a vendor's API, and what they ask of it.
import type { FastifyInstance } from "fastify";
import type { VendorClock } from "./clock.js";
import type { InstanceHost } from "./instance/host.js";
import type { Knobs } from "./knobs.js";
import type { Layout } from "./layout.js";
import type { RequestLog } from "./http/requestLog.js";
import type { Store } from "./store.js";

export interface SandboxCore {
  readonly layout: Layout;
  readonly clock: VendorClock;
  readonly store: Store;
  readonly host: InstanceHost;
  readonly requests: RequestLog;
  readonly apiKey: string;
  /** Live: a PATCH changes this object's fields. */
  readonly knobs: () => Knobs;
  /** Asks for a tick soon instead of at the next interval. */
  readonly kick: () => void;
}

export interface VendorApi {
  readonly name: string;
  /** Adds the vendor's routes, under their own prefix. */
  register(app: FastifyInstance): void;
  /** Moves every resource to where it should be by now. Resolves to true while something is on its way. */
  tick(): Promise<boolean>;
  instances(): readonly VendorInstance[];
  /** Measures every file system now, so that a meter that is read next is exact. */
  sampleFileSystems(): Promise<void>;
  fileSystems(): readonly { readonly id: string; readonly name: string }[];
  /** What happens to an instance without anybody asking the API. Undefined for an unknown id. */
  befall(id: string, event: InstanceEvent): Promise<boolean>;
}

export interface VendorInstance {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

export const instanceEvents = ["crash", "reboot", "poweroff", "unhealthy", "preempt"] as const;
/** crash: everything inside is killed; poweroff, reboot: asked first, as from inside the guest; unhealthy, preempt: the vendor's verdict. */
export type InstanceEvent = (typeof instanceEvents)[number];
