/** The number in a checkpoint's name: checkpoints/step-000400.safetensors is step 400. null: the name says none. Pure. */
export function stepOf(path: string): number | null {
  const digits = /(\d+)(?!.*\d)/.exec(path.split("/").at(-1)?.replace(/\.[a-z]+$/i, "") ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}
