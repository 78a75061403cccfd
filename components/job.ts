/** The job on an instance, as a Pulumi resource. Whatever its roster's size, it is one resource. */
import type * as pulumi from "@pulumi/pulumi";
import { OwnResource, typeToken } from "../providers/dynamic";
import type { RemoteJobInputs } from "../providers/job/remoteJob";

export class RemoteJob extends OwnResource {
  static readonly __pulumiType = typeToken("RemoteJob");
  /** The run's directory on the durable tier. */
  declare readonly directory: pulumi.Output<string | null>;
  declare readonly session: pulumi.Output<string>;
  /** Where its parts are; null until a start was seen to succeed. */
  declare readonly place: pulumi.Output<unknown>;

  constructor(name: string, inputs: { [K in keyof RemoteJobInputs]: pulumi.Input<unknown> }, options: pulumi.CustomResourceOptions) {
    super("RemoteJob", name, inputs, ["directory", "session", "place"], options);
  }
}
