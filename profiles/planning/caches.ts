/** Variables that move caches of downloads to the tier the profile names. Pure. */
import type { Profile } from "../schema";

/** Kept beside the model cache: downloads like it, and as dear to repeat. What a profile says of one of them wins. */
const BESIDE_THE_MODELS: readonly { readonly variable: string; readonly folder: string }[] = [
  { variable: "TORCH_HOME", folder: "torch" },
  { variable: "PIP_CACHE_DIR", folder: "pip" },
];

/** Paths may hold `{mount}`. Compile caches are not among them: they are many small files, and good for one machine only. */
export function cacheEnvironmentOf(caches: Profile["host"]["caches"]): Readonly<Record<string, string>> {
  const models = caches.find(({ variable }) => variable === "HF_HOME")?.path;
  const base = models === undefined ? null : models.slice(0, models.lastIndexOf("/"));
  const beside = base === null ? [] : BESIDE_THE_MODELS.map(({ variable, folder }) => [variable, `${base}/${folder}`]);
  return Object.fromEntries([...beside, ...caches.map(({ variable, path }) => [variable, path])]) as Record<string, string>;
}
