/**
 * The place of a resource that could not be made yet for lack of capacity. It stands in state so that what depends on it can wait
 * too; nothing exists at the vendor, so it is replaced by the real thing, or by another wait, at every update, and its deletion
 * deletes nothing.
 */
import type { Context, Kind, Props } from "./kind";
import { NotYet } from "./kind";

/** In the place of a vendor's id. */
const placeId = "waiting-for-capacity";

/** Makes the thing, or keeps its place in state. Throws what else `create` throws. */
export async function createOrKeepPlace(kind: Kind, inputs: Props, context: Context): Promise<{ id: string; outs: Props }> {
  try {
    return await kind.create(inputs, context);
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    return { id: placeId, outs: { ...error.outs, waiting: error.waiting, ...inputs } };
  }
}

export const isPlace = (outs: Props): boolean => typeof outs["waiting"] === "object" && outs["waiting"] !== null;
