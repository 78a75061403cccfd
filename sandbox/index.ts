// The embedded cloud, as the command line and tests use it.
export { startDaemon, type DaemonOptions, type RunningDaemon } from "./daemon.js";
export { runForeground } from "./foreground.js";
export { daemonStatus, ensureDaemon, resetSandbox, stopDaemon, type AdminInstance, type DaemonStatus, type EnsureOptions } from "./control.js";
export { askAdmin, type SandboxDescriptor } from "./descriptor.js";
export { defaultKnobs, type Knobs, type KnobsPatch } from "./knobs.js";
export type { ClockReading } from "./clock.js";
export type { MeterReport, BillingResource, MeteredResource } from "./meter.js";
export type { RequestRecord } from "./http/requestLog.js";
export type { InstanceEvent } from "./core.js";
