/** Values that are not known at preview. The SDK exports the error and leaves its type out of the declarations. */
import * as sdk from "@pulumi/policy";

const UnknownValueError = sdk.UnknownValueError as unknown as new (...details: never[]) => Error;

/** Whether a check ended because it read a value that only the update will know; the message names the property. */
export const isUnknownValue = (thrown: unknown): thrown is Error => thrown instanceof UnknownValueError;
