/** Lambda's resources as Pulumi sees them; what they do is in providers/lambda. */
import type * as pulumi from "@pulumi/pulumi";
import type { CapacityWaiting } from "../../custody/formats";
import { OwnResource, typeToken } from "../../providers/dynamic";
import type { FilesystemInputs, FirewallRulesetInputs, InstanceInputs, SshKeyInputs } from "../../providers/lambda/index.js";

/** Names are held to what the kind reads; values may come from other resources. */
type InputsOf<T> = { readonly [K in keyof T]: pulumi.Input<unknown> };

/** A key pair made on this machine, unique per run; the private half never leaves custody. */
export class LambdaSshKey extends OwnResource {
  static readonly __pulumiType = typeToken("LambdaSshKey");
  /** The name under which the vendor and custody know the key. */
  declare readonly name: pulumi.Output<string>;
  declare readonly publicKey: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<SshKeyInputs>, options: pulumi.CustomResourceOptions) {
    // The other way round the new one would be the old one, adopted, and then be deleted.
    super("LambdaSshKey", name, inputs, ["name", "publicKey", "keyId"], { ...options, deleteBeforeReplace: true });
  }
}

/** A file system in one region; survives its instances and bills until it is deleted. */
export class LambdaFilesystem extends OwnResource {
  static readonly __pulumiType = typeToken("LambdaFilesystem");
  /** null, as the next three, while no region has capacity: `waiting` says for what. */
  declare readonly filesystemId: pulumi.Output<string | null>;
  declare readonly filesystemName: pulumi.Output<string | null>;
  /** Read from the API, never derived from the name. */
  declare readonly mountPoint: pulumi.Output<string | null>;
  declare readonly filesystemRegion: pulumi.Output<string | null>;
  declare readonly waiting: pulumi.Output<CapacityWaiting | undefined>;

  constructor(name: string, inputs: InputsOf<FilesystemInputs>, options: pulumi.CustomResourceOptions) {
    super("LambdaFilesystem", name, inputs, ["filesystemId", "filesystemName", "mountPoint", "filesystemRegion", "waiting"], { ...options, deleteBeforeReplace: true });
  }
}

/** Inbound rules, attached at launch only. */
export class LambdaFirewallRuleset extends OwnResource {
  static readonly __pulumiType = typeToken("LambdaFirewallRuleset");
  declare readonly rulesetId: pulumi.Output<string | null>;
  declare readonly waiting: pulumi.Output<CapacityWaiting | undefined>;

  constructor(name: string, inputs: InputsOf<FirewallRulesetInputs>, options: pulumi.CustomResourceOptions) {
    super("LambdaFirewallRuleset", name, inputs, ["rulesetId", "waiting"], { ...options, deleteBeforeReplace: true });
  }
}

/** One instance: launched on the first candidate with capacity in the file system's region. */
export class LambdaInstance extends OwnResource {
  static readonly __pulumiType = typeToken("LambdaInstance");
  /** null, as the next six, while there is no capacity: `waiting` says for what. */
  declare readonly instanceId: pulumi.Output<string | null>;
  declare readonly ip: pulumi.Output<string | null>;
  declare readonly sshPort: pulumi.Output<number | null>;
  declare readonly user: pulumi.Output<string | null>;
  declare readonly instanceType: pulumi.Output<string | null>;
  declare readonly instanceRegion: pulumi.Output<string | null>;
  /** USD per hour while it stands. */
  declare readonly hourlyUsd: pulumi.Output<number | null>;
  declare readonly waiting: pulumi.Output<CapacityWaiting | undefined>;

  constructor(name: string, inputs: InputsOf<InstanceInputs>, options: pulumi.CustomResourceOptions) {
    super("LambdaInstance", name, inputs, ["instanceId", "ip", "sshPort", "user", "instanceType", "instanceRegion", "hourlyUsd", "launchedAt", "launchName", "missing", "status", "waiting"], {
      ...options,
      deleteBeforeReplace: true,
    });
  }
}
