/**
 * Options that would take a lock out of a run are refused for the whole program: they are inherited from parents, so a
 * well-meant option on a component above would silently disable the gate below it.
 */
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../providers/dynamic";
import type { KindName } from "../providers/kinds";
import { kindNames } from "../providers/kinds";

/**
 * Replacing these before their predecessor is deleted would buy a second one before anybody was asked, or take over the
 * predecessor (key, ruleset), which is then deleted under it: with the key goes the last way to pull.
 */
const dataBearing: ReadonlySet<string> = new Set((["LambdaFilesystem", "LambdaInstance", "LambdaSshKey", "LambdaFirewallRuleset", "TeardownGate"] satisfies KindName[]).map(typeToken));
const own: ReadonlySet<string> = new Set(kindNames.map(typeToken));

/** What is wrong with a resource's options, or null. Pure. */
export function lockFault(type: string, name: string, options: pulumi.CustomResourceOptions): string | null {
  if (!own.has(type)) return null;
  const where = `resource "${name}" (${type})`;
  if (options.retainOnDelete) {
    return `${where}: retainOnDelete is set, on it or inherited from a parent. The engine would forget it without asking its lock, and it would bill on. Remove retainOnDelete; to keep storage type teardown.storage: keep.`;
  }
  if (options.deletedWith !== undefined) {
    return `${where}: deletedWith is set, on it or inherited from a parent. The engine would skip its delete, and with it the lock. Remove deletedWith.`;
  }
  if (dataBearing.has(type) && options.deleteBeforeReplace !== true) {
    return `${where}: deleteBeforeReplace is not set. A replacement would create a second one before the gate is asked. Leave deleteBeforeReplace to Holdfast.`;
  }
  return null;
}

let installed = false;

/** Registers the check once per program. Called by every component of this package. */
export function installLocks(): void {
  if (installed) return;
  installed = true;
  pulumi.runtime.registerResourceTransform(async ({ type, name, opts }) => {
    const fault = lockFault(type, name, opts);
    if (fault === null) return undefined;
    // What a transform throws reaches the terminal wrapped several times over; said here it is one paragraph. The exit code is
    // the one by which a Pulumi program tells its host that it has explained itself.
    await pulumi.log.error(fault);
    process.exit(bailed);
  });
}

const bailed = 32;
