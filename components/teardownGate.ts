/** The gate as a Pulumi resource: depends on every leaf of its run, so a destroy deletes it before anything else. */
import type * as pulumi from "@pulumi/pulumi";
import type { GateInputs } from "../providers/gate/gate";
import { OwnResource, typeToken } from "../providers/dynamic";

export class TeardownGate extends OwnResource {
  static readonly __pulumiType = typeToken("TeardownGate");

  /** `dependsOn` must name every leaf of the run: only then is the gate alone in the first layer of a destroy. */
  constructor(name: string, inputs: { [K in keyof GateInputs]: pulumi.Input<unknown> }, options: pulumi.CustomResourceOptions & { readonly dependsOn: NonNullable<pulumi.CustomResourceOptions["dependsOn"]> }) {
    super("TeardownGate", name, inputs, [], { ...options, deleteBeforeReplace: true });
  }
}
