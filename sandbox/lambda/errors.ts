// Lambda's error answers: one envelope, codes and default messages of the contract document (ApiError* schemas).
import { ApiFault } from "../http/gateway.js";

interface Envelope {
  error: { code: string; message: string; suggestion?: string };
}

export function envelope(code: string, message: string, suggestion?: string): Envelope {
  return { error: { code, message, ...(suggestion === undefined ? {} : { suggestion }) } };
}

const fault = (status: number, code: string, message: string, suggestion?: string): ApiFault => new ApiFault(status, envelope(code, message, suggestion));

const retrySuggestion = "Retry the request after fixing the request parameters.";

/** Seen live without an Authorization header; the code is the same as for a wrong key. */
export const noKey = (): ApiFault => fault(401, "global/invalid-api-key", "No API key was provided.", "Check your API key or create a new one, then try again.");
export const wrongKey = (): ApiFault =>
  fault(401, "global/invalid-api-key", "API key was invalid, expired, or deleted.", "Check your API key or create a new one, then try again.");
export const accountInactive = (): ApiFault =>
  fault(
    403,
    "global/account-inactive",
    "Your account is inactive.",
    "Make sure you have verified your email address and have a valid payment method. Contact Support if problems continue.",
  );
export const invalidAddress = (): ApiFault =>
  fault(403, "global/invalid-address", "Your billing address is invalid.", "Make sure your billing address is valid. Contact Support if problems continue.");
export const invalidParameters = (message: string): ApiFault => fault(400, "global/invalid-parameters", message, retrySuggestion);
export const notFound = (): ApiFault => fault(404, "global/not-found", "The requested resource was not found.");
export const instanceNotFound = (): ApiFault => fault(404, "global/object-does-not-exist", "Specified instance does not exist.");
export const fileSystemNotFound = (): ApiFault => fault(404, "global/object-does-not-exist", "Filesystem was not found.");
export const rulesetNotFound = (): ApiFault =>
  fault(
    404,
    "global/object-does-not-exist",
    "Firewall ruleset does not exist or you do not have permission to access it.",
    "Check your firewall ruleset ID and try again.",
  );
/** The contract allows 400 and 404 here; which one is sent live was never written down. */
export const launchResourceNotFound = (what: string): ApiFault =>
  fault(404, "global/object-does-not-exist", `${what}, or you do not have permission to access it.`, retrySuggestion);
export const fileSystemInWrongRegion = (name: string, region: string): ApiFault =>
  fault(
    400,
    "instance-operations/launch/file-system-in-wrong-region",
    `Filesystem '${name}' is not in region '${region}'.`,
    "Launch the instance in the filesystem's region.",
  );
export const insufficientCapacity = (): ApiFault =>
  fault(
    400,
    "instance-operations/launch/insufficient-capacity",
    "Not enough capacity to fulfill launch request.",
    "Choose an instance type with more availability, or try again later.",
  );
export const quotaExceeded = (): ApiFault => fault(400, "global/quota-exceeded", "Quota exceeded.", "Contact Support to increase your quota.");
export const duplicate = (message: string): ApiFault => fault(400, "global/duplicate", message, "Choose another name.");
export const fileSystemInUse = (): ApiFault =>
  fault(400, "filesystems/filesystem-in-use", "Filesystem is in use.", "Terminate all instances that mount the filesystem before deleting it.");
export const rulesetInUse = (): ApiFault =>
  fault(
    400,
    "firewall-rulesets/firewall-ruleset-in-use",
    "Firewall ruleset is in use by one or more instances.",
    "Terminate all instances that are using the ruleset before deleting it.",
  );
/** Message seen live; its code was not printed, the contract allows this one only. */
export const keyInUse = (): ApiFault => fault(400, "global/invalid-parameters", "Key is currently in use, cannot delete");
export const conflict = (): ApiFault => fault(409, "global/conflict", "The request conflicts with the current state of the resource.");
