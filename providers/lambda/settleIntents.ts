/** For the billing audit: what became of launches and creations that nobody confirmed. Looks; makes and deletes nothing. */
import type { RunCustody } from "../../custody/store";
import type { Connection } from "./connection";
import { findLaunched } from "./instance/launch";
import { leftIntents, lookUntilSettled } from "./intents";

/** A thing that an unconfirmed intent did make. It stands, and its intent stays open until an `up` takes it over. */
export interface Unconfirmed {
  readonly intent: string;
  readonly role: string;
  readonly id: string;
  readonly name: string;
}

/**
 * Closes the open intents whose request certainly made nothing, and returns those that did. Waits as long as a lost
 * reply may still show. Throws UserError while another process is still creating.
 */
export async function settleIntents(run: RunCustody, { client, time }: Pick<Connection, "client" | "time">): Promise<Unconfirmed[]> {
  const finders: Readonly<Record<string, (name: string) => Promise<{ id: string; name: string } | null>>> = {
    instance: async (name) => findLaunched((await client.listInstances()).filter((instance) => instance.status !== "terminated"), name),
    filesystem: async (name) => (await client.listFilesystems()).find((filesystem) => filesystem.name === name) ?? null,
    sshKey: async (name) => (await client.listSshKeys()).find((key) => key.name === name) ?? null,
    firewall: async (name) => (await client.listFirewallRulesets()).find((ruleset) => ruleset.name === name) ?? null,
  };
  const standing: Unconfirmed[] = [];
  for (const [role, find] of Object.entries(finders)) {
    for (const left of leftIntents(run, role, time)) {
      const found = await lookUntilSettled(time, left.settlesInSeconds, () => find(left.name));
      if (found === null) run.append("intent.abandoned", { intent: left.intent, why: `no ${role} of that name at Lambda, looked for by the audit` });
      else standing.push({ intent: left.intent, role, id: found.id, name: left.name });
    }
  }
  return standing;
}
