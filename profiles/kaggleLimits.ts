/** Kaggle's clocks and limits. They moved more than once: the safe bound is used, and what else is said is kept. */
import { known, mustProbe, notApplicable, type Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const docs: Evidence = { source: "docs", verified: "2026-06" };
const cli: Evidence = { source: "cli", verified: "2026-07" };
const announcement: Evidence = { source: "announcement", verified: "2026-09" };
const live: Evidence = { source: "seen-live", verified: "2026-09" };

const NINE_HOURS = 9 * 3600;
const TWELVE_HOURS = 12 * 3600;

export const kaggleClocks: ProfileInput["clocks"] = [
  {
    id: "sessionCap",
    statement: "The session is cut off at its cap: no signal, and its output counts as lost.",
    from: "launch",
    defaultSeconds: known(NINE_HOURS, {
      ...announcement,
      note: "9 hours hold everywhere and are what is sent as sessionTimeoutSeconds.",
      otherReadings: [
        { reading: "12 hours on CPU and GPU, 9 hours on TPU", source: "announcement", verified: "2026-09" },
        { reading: "9 hours on GPU, 12 hours on CPU", source: "older-notes", verified: "2026-06" },
      ],
    }),
    range: known({ minSeconds: 1, maxSeconds: TWELVE_HOURS }, announcement),
    settable: known("kaggle.sessionHours, sent as sessionTimeoutSeconds with every push", cli),
    effect: "destroy",
    gotchas: ["NB5"],
  },
  {
    id: "idle",
    statement: "A notebook that is open in the editor ends after an hour without activity. A pushed version has no such clock.",
    from: "idle",
    defaultSeconds: known(3600, { ...docs, note: "About 60 minutes." }),
    range: mustProbe("published nowhere", docs),
    settable: notApplicable("push a version instead", docs),
    effect: "destroy",
    gotchas: ["NB5"],
  },
];

export const kaggleLimits: ProfileInput["limits"] = [
  { id: "gpuHoursPerWeek", statement: "GPU hours a week, new on Saturday 00:00 UTC; `kaggle quota` shows what is left.", value: known(30, live), unit: "hours" },
  { id: "tpuHoursPerWeek", statement: "TPU hours a week.", value: known(20, live), unit: "hours" },
  {
    id: "sessionHours",
    statement: "The longest session that is safe to plan.",
    value: known(9, { ...announcement, otherReadings: [{ reading: "12 on CPU and GPU", source: "announcement", verified: "2026-09" }] }),
    unit: "hours",
    gotchas: ["NB5"],
  },
  { id: "gpuSessions", statement: "GPU sessions that run at once.", value: known(2, live), unit: "count" },
  { id: "working", statement: "/kaggle/working, and so the output of a version.", value: known(20e9, docs), unit: "bytes", gotchas: ["NB2"] },
  {
    id: "source",
    statement: "The source of a pushed version: a small program that fetches the rest from a private data set.",
    value: known(1_000_000, { ...live, verified: "2026-10", note: "933 kB were taken, 1.14 MB were answered with 400." }),
    unit: "bytes",
  },
  { id: "title", statement: "The fewest characters of a notebook's title.", value: known(5, cli), unit: "characters" },
  { id: "outputPage", statement: "Files of an output that one answer lists.", value: known(20, cli), unit: "count" },
];
