/** A deployment as `pulumi stack export` writes it. */
import type { StackEntry } from "./judging";

export function exportedState(entries: readonly StackEntry[]): string {
  const provider = "urn:pulumi:test::scratch::pulumi:providers:kubernetes::default";
  const resources = entries.map(({ type, name, props = {}, options }) => ({
    urn: `urn:pulumi:test::scratch::${type}::${name}`,
    type,
    custom: true,
    id: name,
    inputs: props,
    outputs: props,
    ...(type.startsWith("kubernetes:") ? { provider: `${provider}::one` } : {}),
    ...(options?.protect === true ? { protect: true } : {}),
  }));
  const providers = [{ urn: provider, type: "pulumi:providers:kubernetes", custom: true, id: "one", inputs: {}, outputs: {} }];
  return JSON.stringify({ version: 3, deployment: { manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" }, resources: [...providers, ...resources] } });
}
