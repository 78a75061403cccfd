/** Config for `holdfast keeper`: read from the checkout's own file, never from a ledger, since it names commands that are run. */
import { z } from "zod";
import { choice, list, positive, section, text } from "./faults";

const word = text("a word of a command line");

const webhook = z.union(
  [
    section({
      /** Environment variable that holds the URL. */
      env: text("the name of an environment variable", /^[A-Za-z_][A-Za-z0-9_]*$/),
    }),
    section({
      /** File, mode 0600, that holds the URL on one line; relative to the project. */
      file: text("a path"),
    }),
  ],
  { error: "{env: NAME} or {file: PATH}; a URL often holds a token, so it does not belong into config" },
);

export const keeperConfigSchema = section({
  /** ask: `up` and the keeper ask for a standing approval while there is none. Default: none. */
  standing: choice(["none", "ask"]).default("none"),
  /** Bring back an instance that was lost, and go on with a run that waits for capacity, by `pulumi up`. Default: false. */
  restart: z.boolean({ error: "true or false" }).default(false),
  /** Renew a lease that ends by so many hours, while the run makes progress and budget.maxUsd covers it. Default: null, never. */
  renewHours: positive("hours above 0").nullable().default(null),
  /** Warn so long before each clock. Default: [24, 2, 0.5]. */
  warnHours: list(positive("hours above 0"), "a list of hours").default([24, 2, 0.5]),
  /** Where events are sent as JSON. Default: null. Example: {env: HOLDFAST_WEBHOOK}. */
  webhook: webhook.nullable().default(null),
  /** Commands that get each event as JSON on stdin. Default: []. Example: [["./notify.sh", "team-gpu"]]. */
  hooks: list(z.array(word, { error: "a command as a list of words" }).min(1, { error: "a command as a list of words" }), "a list of commands").default([]),
});

export type KeeperConfig = z.output<typeof keeperConfigSchema>;
