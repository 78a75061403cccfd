// The one thing of user_data that is applied here: the login keys of a #cloud-config. Everything else is stored only.
import { parse } from "yaml";

/** What cloud-init would add to the login's authorized keys; nothing for other kinds of user data, or for YAML that it could not read. */
export function authorizedKeysOf(userData: string | undefined): readonly string[] {
  if (userData === undefined || !/^#cloud-config[ \t]*\r?(\n|$)/.test(userData)) return [];
  const keys = cloudConfig(userData)?.ssh_authorized_keys;
  return Array.isArray(keys) ? keys.filter((key): key is string => typeof key === "string" && /^[^\r\n]+$/.test(key)) : [];
}

function cloudConfig(text: string): { readonly ssh_authorized_keys?: unknown } | null | undefined {
  try {
    // Aliases are not expanded: a few lines of them make gigabytes.
    return parse(text, { maxAliasCount: 0, logLevel: "silent" }) as { readonly ssh_authorized_keys?: unknown } | null | undefined;
  } catch {
    return undefined;
  }
}
