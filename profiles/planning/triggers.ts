/** The profile's known mistakes, looked for in a job. */
import type { PropertyPath } from "../input/faults";
import type { JobRequest } from "../job";
import type { Profile } from "../schema";
import type { StackConfig } from "../stackConfig";

export interface FiredTrigger {
  readonly gotcha: string;
  readonly path: PropertyPath;
  readonly warning: string;
}

export function firedTriggers(profile: Profile, job: JobRequest, config: StackConfig): FiredTrigger[] {
  return profile.gotchas.flatMap((gotcha) =>
    gotcha.triggers.flatMap((trigger) =>
      textsIn(trigger.in, job, config)
        .filter(({ text }) => new RegExp(trigger.pattern, "iu").test(text))
        .map(({ path }) => ({ gotcha: gotcha.id, path, warning: trigger.warning })),
    ),
  );
}

function textsIn(where: "setup" | "command" | "candidate", job: JobRequest, config: StackConfig): { path: PropertyPath; text: string }[] {
  switch (where) {
    case "setup":
      return job.setup.script === null ? [] : [{ path: ["setup"], text: job.setup.script }];
    case "command":
      return [{ path: ["command"], text: job.command }];
    case "candidate":
      return config.capacity.candidates.map(({ type }, index) => ({ path: ["capacity", "candidates", index], text: type }));
  }
}
