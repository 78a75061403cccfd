/** Faults of a program are meant for people: Pulumi prints a RunError as one paragraph, without a stack. */
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../custody/userError";

/** Runs `build`; what it throws for people becomes a RunError. */
export function forPeople<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof UserError) throw new pulumi.RunError(error.paragraph);
    throw error;
  }
}
