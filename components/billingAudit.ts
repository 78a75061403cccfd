/** The billing audit as a Pulumi resource: everything depends on it, so a destroy deletes it after everything else. */
import type * as pulumi from "@pulumi/pulumi";
import type { AuditInputs } from "../providers/audit/audit";
import { OwnResource, typeToken } from "../providers/dynamic";

/** URN of the component that a run is in the program. As an output of its own parent it would make everything wait for itself. */
export const nameInProgram = (component: pulumi.Resource): Promise<string> =>
  new Promise((resolve) => {
    component.urn.apply(resolve);
  });

export class BillingAudit extends OwnResource {
  static readonly __pulumiType = typeToken("BillingAudit");
  declare readonly openedAt: pulumi.Output<string>;

  constructor(name: string, inputs: Omit<AuditInputs, "component"> & { readonly component: Promise<string> }, options: pulumi.CustomResourceOptions) {
    super("BillingAudit", name, inputs, ["openedAt"], options);
  }
}
