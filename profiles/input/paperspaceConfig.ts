/** What only Paperspace has in a stack's config: the blocks `paperspaceCore` (machines) and `paperspaceGradient` (notebooks). */
import { z } from "zod";
import { choice, section, text, wholeFrom } from "./faults";

/** docs.digitalocean.com/products/paperspace/machines/how-to/manage-auto-shutdown (2026-06): one hour to one week. */
const autoShutdownHours = wholeFrom(1, "whole hours, 1 to 168").max(168, { error: "whole hours, 1 to 168" }).nullable().default(null);
const region = choice(["ny2", "ca1", "ams1"]).nullable().default(null);

export const paperspaceCoreConfigSchema = section({
  /** Region of machine, shared drive, network and address. Default: null, where the candidates say. Example: ny2. */
  region,
  /**
   * Hours after which the machine switches itself off, whether or not it works. Set at creation, later in the console only.
   * Default: null, never. Example: 24.
   */
  autoShutdownHours,
  /** static: stays over restarts and bills until it is released. dynamic: new at every start. Default: dynamic. */
  publicIp: choice(["dynamic", "static"]).default("dynamic"),
  /** Size class of the machine's own disk in GB; it never shrinks. Default: 100. */
  diskGb: z.literal([50, 100, 250, 500, 1000, 2000], { error: "one of 50, 100, 250, 500, 1000, 2000" }).default(100),
  /** Automatic snapshots. Never the only copy: they may go with the machine. Default: none. */
  autoSnapshots: choice(["none", "hourly", "daily", "weekly", "monthly"]).default("none"),
  /** How many of them are kept and billed. Default: 1. */
  keepSnapshots: wholeFrom(1, "a whole number, 1 to 9").max(9, { error: "a whole number, 1 to 9" }).default(1),
  /** A file that holds the API key. Default: null, the environment variable PAPERSPACE_API_KEY. */
  keyFile: text("the path of a file that holds the API key, never the key itself").nullable().default(null),
});

export const paperspaceGradientConfigSchema = section({
  /** Storage region of the team storage. Default: null. Example: ny2. */
  region,
  /** The team's plan. free: public notebooks, six hours, 5 GB. Default: free, the one with the least. */
  plan: choice(["free", "paid"]).default("free"),
  /** Hours after which the notebook is stopped. Default: null, 6 on the free plan and 12 on paid ones. Example: 24. */
  autoShutdownHours,
});

export type PaperspaceCoreConfig = z.output<typeof paperspaceCoreConfigSchema>;
export type PaperspaceGradientConfig = z.output<typeof paperspaceGradientConfigSchema>;
