/** Ways that this version cannot exercise, with the reason. */
import type { Row } from "../row";

const hooks = "only claims of a foreign provider carry a hook; Lambda's resources are all own ones, whose deletes ask themselves";

export const later: readonly Row[] = [
  { kind: "later", id: "hook-removed-by-transform", when: "a transform of the program removes the hooks of a claim", typed: ["pulumi destroy --run-program"], why: hooks },
  { kind: "later", id: "hook-plain-destroy", when: "a plain destroy of a stack with hooks", typed: ["pulumi destroy"], why: hooks },
  { kind: "later", id: "hook-claim-replaced", when: "a claim is replaced by an edit of the program", typed: ["pulumi up"], why: hooks },
  { kind: "later", id: "standalone-import", when: "resources are imported from somewhere else", typed: ["pulumi import"], why: "the engine cannot import dynamic resources at all (code must be a string); create adopts what the ledger names" },
];
