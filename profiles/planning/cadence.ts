/** How often to write a checkpoint: Young and Daly's first-order optimum. */

export interface Cadence {
  readonly everySeconds: number;
  /** Fraction of the paid time that goes into writing checkpoints and repeating lost work. */
  readonly expectedWaste: number;
}

/**
 * W = sqrt(2 * mu * C), waste sqrt(2 * C / mu). W is rounded down to whole seconds (earlier is the safe side), but
 * never under a second. Both arguments in seconds, above 0.
 */
export function youngDaly(costSeconds: number, meanSecondsBetweenInterruptions: number): Cadence {
  const exact = Math.sqrt(2 * meanSecondsBetweenInterruptions * costSeconds);
  return { everySeconds: Math.max(1, Math.floor(exact)), expectedWaste: Math.sqrt((2 * costSeconds) / meanSecondsBetweenInterruptions) };
}

/** The waste of a cadence that somebody chose: C / W for writing plus W / (2 mu) for what is lost. */
export const wasteOf = (everySeconds: number, costSeconds: number, meanSecondsBetweenInterruptions: number): number =>
  costSeconds / everySeconds + everySeconds / (2 * meanSecondsBetweenInterruptions);

/** Whole steps between two checkpoints, rounded down, at least 1. Seconds per step above 0. */
export const stepsBetweenCheckpoints = (everySeconds: number, secondsPerStep: number): number => Math.max(1, Math.floor(everySeconds / secondsPerStep));
