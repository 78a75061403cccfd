/** What only hosted notebooks have in a stack's config: the blocks `colab` and `kaggle`. */
import { z } from "zod";
import { choice, positive, section, text } from "./faults";

const hoursUpTo = (most: number) => positive(`hours above 0, at most ${most}`).max(most, { error: `hours above 0, at most ${most}` });

export const colabConfigSchema = section({
  /** Kind of GPU; an unknown one would silently become an A100. Default: null, none. Example: T4. */
  gpu: choice(["T4", "L4", "G4", "A100", "H100"]).nullable().default(null),
  /** Cap of the plan that is paid for; the notebook ends itself before it. Default: 12, that of the free tier. Example: 24. */
  sessionHours: hoursUpTo(24).default(12),
});

export const kaggleConfigSchema = section({
  /** User name under which the notebook is kept. Default: null, that of the credentials. Example: somebody. */
  owner: text("a Kaggle user name", /^[a-z0-9][a-z0-9-]*$/).nullable().default(null),
  /** Sent as sessionTimeoutSeconds. Default: 9, which holds everywhere. Example: 12 on CPU or GPU. */
  sessionHours: hoursUpTo(12).default(9),
  /** Without it nothing can be installed or downloaded; it needs a verified phone. Always sent. Default: true. */
  internet: z.boolean({ error: "true or false" }).default(true),
});

export type ColabConfig = z.output<typeof colabConfigSchema>;
export type KaggleConfig = z.output<typeof kaggleConfigSchema>;
