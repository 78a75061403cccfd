/** For the billing audit: what became of launches and creations that nobody confirmed. Looks; makes and deletes nothing. */
import type { RunCustody } from "../../custody/store";
import type { Connection } from "./connection";
import { allLaunched } from "./instance/launch";
import { abandonIntent, leftIntents, lookUntilSettled } from "./intents";

/** A thing that an unconfirmed intent did make. It stands, and its intent stays open until an `up` takes it over. */
export interface Unconfirmed {
  readonly intent: string;
  readonly role: string;
  readonly id: string;
  readonly name: string;
}

/**
 * Closes the open intents whose request certainly made nothing, and returns those that did. Waits as long as a lost
 * reply may still show. Throws UserError while another process is still creating, and with an API key of another account.
 */
export async function settleIntents(run: RunCustody, connection: Connection): Promise<Unconfirmed[]> {
  const { client, time } = connection;
  const findInstance = async (name: string): Promise<Found> => allLaunched((await client.listInstances()).filter((instance) => instance.status !== "terminated"), name)?.[0] ?? null;
  const findKey = async (name: string): Promise<Found> => (await client.listSshKeys()).find((key) => key.name === name) ?? null;
  const finders: Readonly<Record<string, (name: string) => Promise<Found>>> = {
    instance: findInstance,
    rescue: findInstance,
    filesystem: async (name) => (await client.listFilesystems()).find((filesystem) => filesystem.name === name) ?? null,
    sshKey: findKey,
    rescueKey: findKey,
    firewall: async (name) => (await client.listFirewallRulesets()).find((ruleset) => ruleset.name === name) ?? null,
  };
  const standing: Unconfirmed[] = [];
  for (const [role, find] of Object.entries(finders)) {
    for (const left of leftIntents(run, role, time)) {
      const found = await lookUntilSettled(time, left.settlesInSeconds, () => find(left.name));
      if (found === null) await abandonIntent(connection, run, left, `no ${role} of that name at Lambda, looked for by the audit`);
      else standing.push({ intent: left.intent, role, id: found.id, name: left.name });
    }
  }
  return standing;
}

type Found = { readonly id: string; readonly name: string } | null;
