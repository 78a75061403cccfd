/**
 * Imported before the policy SDK. The SDK brings a serialiser of functions, and that brings npm's dependency resolver: a
 * quarter of a pack's start, for something that no pack does. It is loaded when somebody asks for it.
 */
import { createRequire } from "node:module";

const RESOLVER = "@npmcli/arborist";

postpone();

/** Nothing happens where the SDK has changed: it is then as slow as it was. */
function postpone(): void {
  try {
    const ofPolicy = createRequire(createRequire(__filename).resolve("@pulumi/policy"));
    standIn(RESOLVER, createRequire(ofPolicy.resolve("@pulumi/pulumi")));
  } catch {
    return;
  }
}

function standIn(name: string, from: NodeJS.Require): void {
  const path = from.resolve(name);
  if (from.cache[path] !== undefined) return;
  const load = (): object => {
    if (from.cache[path]?.exports === exports) Reflect.deleteProperty(from.cache, path);
    return from(name) as object;
  };
  // Marked as a module, so that an import keeps the object itself instead of copying what is on it.
  const exports: object = new Proxy({ __esModule: true }, { get: (marked, property) => (property === "__esModule" ? marked.__esModule : (Reflect.get(load(), property) as unknown)) });
  from.cache[path] = Object.assign(Object.create(null) as NodeJS.Module, { id: path, filename: path, loaded: true, children: [], paths: [], exports });
}
