/** Where a pulled copy may lie so that it counts as one: readable here, and there tomorrow. Pure. */
import { isAbsolute, relative, resolve } from "node:path";
import { UserError } from "./userError";

export interface CopyPlaces {
  /** Name of this machine. */
  readonly host: string;
  /** A folder that outlives this machine, such as a team's share: whoever put a copy there, it is read here. null: none was named. */
  readonly shared: string | null;
  /** This machine is thrown away with its job, and so is what lies on it outside of `shared`. */
  readonly temporary: boolean;
}

/** Names the folder that outlives the machine. */
export const COPIES_VARIABLE = "HOLDFAST_COPIES";

/** Every CI service sets CI on the machines that it throws away. Throws UserError when the variable is no absolute path. */
export function copyPlacesOf(env: NodeJS.ProcessEnv, host: string): CopyPlaces {
  const shared = env[COPIES_VARIABLE] || null;
  if (shared !== null && !isAbsolute(shared)) {
    throw new UserError(`${COPIES_VARIABLE} names the folder of the copies as "${shared}", which depends on where a command is typed.`, { code: "copies-folder", next: [`${COPIES_VARIABLE}=/absolute/path`] });
  }
  return { host, shared, temporary: !["", "0", "false"].includes((env.CI ?? "").toLowerCase()) };
}

/** `elsewhere`: nobody can read it from here. `temporary`: it goes with this machine. */
export function placeOfCopy(place: { readonly host: string; readonly directory: string }, { host, shared, temporary }: CopyPlaces): "here" | "elsewhere" | "temporary" {
  if (shared !== null && isInside(place.directory, shared)) return "here";
  if (place.host !== host) return "elsewhere";
  return temporary ? "temporary" : "here";
}

function isInside(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path));
  return way !== ".." && !way.startsWith("../") && !isAbsolute(way);
}
