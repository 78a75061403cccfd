import type { Instance } from "../api/types";

/** The tag that carries an instance's unique launch name; unlike its name, nobody can change a tag afterwards. */
export const launchTag = "holdfast-launch";

/** The tag that says which custody store accounts for the instance: two checkouts may have a run of one name in one account. */
export const custodyTag = "holdfast-custody";

/** null: the instance has no such tag, so it was not launched by us. */
export const tagOf = (instance: Instance, key: string): string | null => instance.tags?.find((tag) => tag.key === key)?.value ?? null;
