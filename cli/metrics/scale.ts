/** From values to a place on an axis, with ticks at round numbers. The terminal's plot and the page's share it. Pure. */

export interface Scale {
  readonly from: number;
  readonly to: number;
  /** 0 at `from`, 1 at `to`. */
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  /** About so many ticks. */
  readonly count: number;
  readonly log?: boolean;
  /** Begin and end at a tick, so that no curve runs along the edge. */
  readonly round?: boolean;
}

/** Fits all values. A logarithmic scale needs values above 0: others are left out of it. */
export function scaleOf(values: readonly number[], options: ScaleOptions): Scale {
  const fitting = options.log === true ? values.filter((value) => value > 0) : values;
  const from = fitting.reduce((least, value) => Math.min(least, value), Infinity);
  const to = fitting.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!Number.isFinite(from)) return linear(0, 1, options);
  return options.log === true ? logarithmic(from, to, options.count) : linear(from, to, options);
}

/** For the axis of steps or seconds: begins at 0 where the values begin near it. */
export function axisOf(values: readonly number[], count: number): Scale {
  const most = values.reduce((so, value) => Math.max(so, value), -Infinity);
  const nearZero = values.every((value) => value >= 0) && values.some((value) => value < most / 4);
  return scaleOf(nearZero ? [0, ...values] : values, { count });
}

function linear(least: number, most: number, { count, round }: ScaleOptions): Scale {
  // One value alone, or values that a double hardly tells apart, still want some height around them.
  const pad = most - least <= Math.max(1e-290, 1e-9 * Math.max(Math.abs(least), Math.abs(most))) ? Math.max(Math.abs(least) * 0.1, least === 0 ? 1 : 1e-280) : 0;
  const step = roundStep((most - least + 2 * pad) / Math.max(1, count));
  const [from, to] = round === true ? [Math.floor((least - pad) / step + 1e-9) * step, Math.ceil((most + pad) / step - 1e-9) * step] : [least - pad, most + pad];
  const ticks: number[] = [];
  for (let index = Math.ceil(from / step - 1e-9); index * step <= to + step * 1e-9; index += 1) ticks.push(cleaned(index * step));
  return { from, to, place: (value) => (value - from) / (to - from), ticks };
}

function logarithmic(least: number, most: number, count: number): Scale {
  const [low, high] = least === most ? [least / 2, most * 2] : [least, most];
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const steps = to - from < count / 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((to - from) / Math.max(1, count)));
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
    if (power % every !== 0) continue;
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return { from: low, to: high, place: (value) => (Math.log10(value) - from) / (to - from), ticks: ticks.length >= 2 ? ticks : [low, high] };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((step) => step * power >= least * (1 - 1e-9)) ?? 10) * power;
}

/** Without the dust of multiplication: 0.3, not 0.30000000000000004. */
const cleaned = (value: number): number => Number(value.toPrecision(12));

/** Short for an axis: 0.25, 1.5k, 2M, 3e-7. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  const [unit, letter] = size >= 1e6 ? [1e6, "M"] : size >= 10_000 ? [1e3, "k"] : [1, ""];
  return `${Number((value / unit).toPrecision(4))}${letter}`;
}
