/** Who types: what the ledger says beside a wish that is not signed. */
import { hostname, userInfo } from "node:os";

/** `user@host` of this process. A machine without a name for its user gives its number. */
export function whoTypes(): string {
  const user = ((): string => {
    try {
      return userInfo().username;
    } catch {
      return String(process.getuid?.() ?? "unknown");
    }
  })();
  return `${user}@${hostname()}`;
}
