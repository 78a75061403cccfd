/** The machine a run lives on, as its ledger and custody know it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunCustody } from "../../custody";
import type { RunView } from "../../custody";
import { adoptedMachine, adoptedRemote, type AdoptedMachine } from "../../custody/adopted";
import type { Remote } from "../../custody/remote";
import type { PortForward, SshOptions, SshTarget } from "./remote";
import { forwardingSsh, interactiveSsh, openSshRemote } from "./remote";

/** The instance that stands according to the ledger, with its newest address; null when there is none. */
export function liveAddress(view: RunView): { instance: string; host: string; port: number; user: string } | null {
  const instance = view.resources.get("instance");
  if (!instance || view.address === null || view.address.instance !== instance.id) return null;
  return view.address;
}

/** How to reach it: address, the run's key, the host key recorded for that instance. */
export function sshTarget(run: RunCustody, view: RunView = run.view()): SshTarget | null {
  const adopted = adoptedMachine(view);
  if (adopted !== null) return adoptedTarget(run, adopted);
  const address = liveAddress(view);
  const key = view.resources.get("sshKey");
  if (!address || !key) return null;
  const own = join(run.paths.ssh, key.name);
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    // Private keys stay on the machine that made them: elsewhere a person's own key opens (access.authorizedKeys).
    keyPath: existsSync(own) ? own : null,
    knownHostsPath: join(run.paths.ssh, "known_hosts"),
    hostKeyAlias: address.instance,
  };
}

/** How to reach a machine that was not made here. A key file that is not on this computer leaves it to the person's own keys. */
export function adoptedTarget(run: RunCustody, { id, host, port, user, keyFile }: Pick<AdoptedMachine, "id" | "host" | "port" | "user" | "keyFile">): SshTarget {
  return { host, port, user, keyPath: keyFile !== null && existsSync(keyFile) ? keyFile : null, knownHostsPath: join(run.paths.ssh, "known_hosts"), hostKeyAlias: id.replaceAll(/[^A-Za-z0-9.-]/g, "-") };
}

/** Null when no machine of the run is known to stand. Opens nothing yet. */
export function remoteForRun(run: RunCustody, options: SshOptions = {}): Remote | null {
  const view = run.view();
  const target = sshTarget(run, view);
  if (target === null) return null;
  const remote = openSshRemote(target, options);
  return view.adopted ? adoptedRemote(remote) : remote;
}

/** argv that forwards a port of the machine; null when no machine of the run is known to stand. */
export function forwardCommandLine(run: RunCustody, ports: PortForward): string[] | null {
  const target = sshTarget(run);
  return target === null ? null : forwardingSsh(target, ports);
}

/** argv for an interactive session; null when no machine of the run is known to stand. */
export function sshCommandLine(run: RunCustody): string[] | null {
  const target = sshTarget(run);
  return target === null ? null : interactiveSsh(target);
}
