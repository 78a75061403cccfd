// The three forms in which Lambda takes a key: Bearer, Basic as `curl -u KEY:` sends it, Basic with the key as it is.
import { noKey, wrongKey } from "./errors.js";

/** Throws ApiFault 401 with one of two messages. */
export function authenticate(authorization: string | undefined, apiKey: string): string {
  if (authorization === undefined || authorization.trim() === "") throw noKey();
  const [scheme, credential] = authorization.trim().split(/\s+/, 2);
  if (credential === undefined) throw wrongKey();
  const candidates = /^bearer$/i.test(scheme ?? "")
    ? [credential]
    : /^basic$/i.test(scheme ?? "")
      ? [credential, Buffer.from(credential, "base64").toString("utf8").replace(/:$/, "")]
      : [];
  if (!candidates.includes(apiKey)) throw wrongKey();
  return apiKey;
}
