/** What to say when nothing can be launched: what was asked, what stands against it, what there is instead. */
import { UserError } from "../../../custody/userError";
import type { Choices } from "../capacity";

/** No candidate can ever be used as asked: waiting would not help. */
export function impossibleCapacity(choices: Choices, region: string | null): UserError {
  const reasons = choices.excluded.map(({ candidate, why }) => `  - ${candidate}: ${why}`);
  const where = region === null ? "" : ` in ${region}, where the file system is`;
  return new UserError(
    reasons.length === 0
      ? `No instance type of Lambda's meets the job's resources and limits${where}.`
      : `No candidate can be launched as asked${where}:\n${reasons.join("\n")}`,
    { next: ["change holdfast:capacity (candidates, maxHourlyUsd) or the job's resources", "holdfast explain lambda (lists types and prices)"], code: "lambda-no-candidate" },
  );
}

/** Acceptable types exist, but none had capacity within the wait. */
export function noCapacity(choices: Choices, asked: { readonly region: string; readonly waitedSeconds: number; readonly attempts: number; readonly refusals: readonly string[] }): UserError {
  const lines = [
    `No capacity in ${asked.region} for ${[...choices.awaited, ...choices.available.map((choice) => choice.type)].join(", ")} within ${Math.round(asked.waitedSeconds)} s (${asked.attempts} launch ${asked.attempts === 1 ? "call" : "calls"} made).`,
    ...asked.refusals.map((refusal) => `  refused: ${refusal}`),
    ...choices.excluded.map(({ candidate, why }) => `  not used: ${candidate}: ${why}`),
    ...(choices.elsewhere.length === 0 ? [] : [`  capacity elsewhere now: ${choices.elsewhere.map((choice) => `${choice.type} in ${choice.region} ($${choice.hourlyUsd.toFixed(2)}/h)`).join(", ")}`]),
  ];
  return new UserError(lines.join("\n"), {
    next: [
      "pulumi up (waits again; nothing was launched)",
      "raise holdfast:capacity.maxWaitMinutes, or add types to holdfast:capacity.candidates",
      ...(choices.elsewhere.length === 0 ? [] : ["or put the storage where the capacity is: pulumi destroy, then holdfast:storage.region"]),
    ],
    code: "lambda-capacity",
  });
}
