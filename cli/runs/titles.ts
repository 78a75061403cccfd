/** What people call the tiers, meters and roles of a run's platform. */
import type { RunCustody } from "../../custody";
import type { Titles } from "../render/teardown";
import { plainTitles, titlesOf } from "../render/teardown";

/** A platform of another version's ledger has no profile here: then ids are shown. */
export async function titlesFor(run: RunCustody): Promise<Titles> {
  const { findProfile } = await import("../../profiles/index.js");
  const profile = findProfile(run.view().endpoint.platform);
  return profile === null ? plainTitles : titlesOf(profile);
}
