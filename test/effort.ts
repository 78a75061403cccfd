// How hard the generators try: bounded and the same every time by default. HOLDFAST_FORGE=20 tries twenty times as many files,
// HOLDFAST_FORGE_SEED=7 other ones; a failure prints the seed and path that bring it back.

const factor = Number(process.env["HOLDFAST_FORGE"] ?? "1");
const seed = Number(process.env["HOLDFAST_FORGE_SEED"] ?? "20260301");
if (!(factor > 0) || !Number.isInteger(seed)) throw new Error("HOLDFAST_FORGE is a number above 0, HOLDFAST_FORGE_SEED a whole number");

/** Parameters for fc.assert: `runs` files by default. */
export const tries = (runs: number): { numRuns: number; seed: number } => ({ numRuns: Math.ceil(runs * factor), seed });

/** As many as that, for loops without fast-check. */
export const times = (runs: number): number => Math.ceil(runs * factor);
