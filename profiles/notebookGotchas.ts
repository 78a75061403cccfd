/** What goes wrong in hosted notebooks, by the ids that messages, policies and documents use. Colab and Kaggle share some. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

type Gotcha = ProfileInput["gotchas"][number];
type NotebookGotchaId = "NB1" | "NB2" | "NB3" | "NB4" | "NB5";

const gotchas: Record<NotebookGotchaId, Omit<Gotcha, "id" | keyof Evidence>> = {
  NB1: {
    statement: "What is written to a mounted Drive is buffered and arrives later, up to half an hour for a large file; a disconnect before that leaves a checkpoint of 0 bytes or none.",
    handled: [
      { by: "documentation", ref: "explain", how: "flush and unmount after each checkpoint, and count it only once it is listed again with its size" },
      { by: "custody", ref: "receipt", how: "a checkpoint counts as pulled when its bytes match and it loads, never because a log says that it was saved" },
    ],
  },
  NB2: {
    statement: "A committed version runs from the top on a fresh machine, and one failing cell throws away everything in /kaggle/working.",
    handled: [
      { by: "documentation", ref: "explain", how: "one cell that catches the failure of the training, leaves what there is in /kaggle/working and ends without an error; the exit code stands in a last line" },
      { by: "custody", ref: "receipt", how: "a version without output has no artifacts that could be pulled, so its deletion is never allowed on their account" },
    ],
  },
  NB3: {
    statement: "A version runs with the accelerator and the internet switch that its settings name, not with those of the editor; left out, it trains on the CPU or cannot download.",
    handled: [{ by: "documentation", ref: "explain", how: "accelerator and internet are sent with every push, and the first cell fails when CUDA sees no device" }],
  },
  NB4: {
    statement: "/content and /kaggle/temp go with the session; only Drive or a bucket, and a version's output or a dataset, stay.",
    handled: [
      { by: "plan", ref: "resolve", how: "the run directory is derived on the tier that stays, never on the session's disk" },
      { by: "policy", ref: "checkpoints-survive-teardown", how: "a durable tier that goes with the session fails the preview" },
    ],
  },
  NB5: {
    statement: "A session ends without a signal and without a moment to save in.",
    handled: [
      { by: "policy", ref: "run-fits-clock", how: "a lease beyond the session's cap is pointed out" },
      { by: "plan", ref: "checkpoint", how: "the cadence assumes no grace: what is not on the durable tier when the session ends is lost" },
      { by: "documentation", ref: "explain", how: "the notebook stops itself before the cap, and the next session resumes from the newest complete checkpoint" },
    ],
  },
};

export const notebookGotcha = (id: NotebookGotchaId, evidence: Evidence): Gotcha => ({ id, ...gotchas[id], ...evidence });
