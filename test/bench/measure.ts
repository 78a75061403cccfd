/** Measures whole actions in turn and tells medians and ratios: one machine's speed drifts, so single times say little. */

/** Seconds one call takes. */
export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

/** Runs every action once per round, in turn, after one round that is not counted. Returns the times of each. */
export async function inTurn(rounds: number, actions: Readonly<Record<string, () => Promise<unknown>>>): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(actions).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, action] of Object.entries(actions)) {
      const taken = await seconds(action);
      if (round > 0) times[name]?.push(taken);
    }
  }
  return times;
}
