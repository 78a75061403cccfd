/** The billing audit as a Pulumi resource: everything depends on it, so a destroy deletes it after everything else. */
import type * as pulumi from "@pulumi/pulumi";
import type { AuditInputs } from "../providers/audit/audit";
import { OwnResource, typeToken } from "../providers/dynamic";

export class BillingAudit extends OwnResource {
  static readonly __pulumiType = typeToken("BillingAudit");
  declare readonly openedAt: pulumi.Output<string>;

  constructor(name: string, inputs: AuditInputs, options: pulumi.CustomResourceOptions) {
    super("BillingAudit", name, inputs, ["openedAt"], options);
  }
}
