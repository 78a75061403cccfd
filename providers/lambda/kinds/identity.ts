/** What makes a resource another resource, whatever its kind: the run it belongs to and the account it lives in. */
import type { EndpointRef } from "../../../custody/formats";
import type { Binding } from "../../kind";

interface Identified {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
}

/**
 * Inputs whose change needs a replacement. Not the custody store (recovered on another machine it has another id) and
 * not the key's file (keys are rotated).
 */
export function replacingInputs(olds: Identified, news: Identified): string[] {
  const replaces: string[] = [];
  if (olds.binding.project !== news.binding.project || olds.binding.stack !== news.binding.stack || olds.binding.run !== news.binding.run) replaces.push("binding");
  if (olds.endpoint.platform !== news.endpoint.platform || olds.endpoint.api !== news.endpoint.api) replaces.push("endpoint");
  return replaces;
}

/** Comparison of JSON values by content; key order does not count. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isSameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}

/** Outputs echo the inputs, so an input that differs from the output of its name has changed. `__provider` is the engine's. */
export function haveInputsChanged(olds: Readonly<Record<string, unknown>>, news: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(news).some((key) => !key.startsWith("__") && !isSameJson(olds[key], news[key]));
}
