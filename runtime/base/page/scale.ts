/** Values onto an axis: a share of its length for each, and ticks where people expect them (1, 2, 5 times a power of ten). Pure. */

export type Scale = {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  /** 0 at the beginning of the axis, 1 at its end; values outside are put onto the nearer end. */
  share(value: number): number;
};

/** @param ticks about how many. */
export function linearScale(from: number, to: number, ticks = 5): Scale {
  const step = niceStep((to - from) / ticks || 1);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return {
    from,
    to,
    ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, at) =>
      Number(((first + at) * step).toPrecision(12)),
    ),
    share: (value) => clamp((value - from) / (to - from || 1)),
  };
}

/** For values that differ by factors. @param from above 0. */
export function logScale(from: number, to: number, most = 7): Scale {
  const decades = Array.from(
    { length: Math.ceil(Math.log10(to)) - Math.floor(Math.log10(from)) + 1 },
    (_, at) => 10 ** (Math.floor(Math.log10(from)) + at),
  );
  const inside = (steps: readonly number[]) =>
    decades
      .flatMap((decade) => steps.map((step) => Number((decade * step).toPrecision(12))))
      .filter((value) => value >= from && value <= to);
  const choices = [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]].map(inside);
  return {
    from,
    to,
    ticks: choices.find(({ length }) => length <= most) ?? choices.at(-1)!,
    share: (value) => clamp(Math.log(value / from) / Math.log(to / from || Math.E)),
  };
}

/** Logarithmic where the largest is several times the smallest, else linear; with some room at both ends. */
export function scaleOver(values: readonly number[]): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low > 0 && high / low > 3) return logScale(low / 1.15, high * 1.15);
  const room = (high - low) * 0.1 || Math.abs(high) * 0.1 || 1;
  return linearScale(low >= 0 ? Math.max(0, low - room) : low - room, high + room);
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((step) => step * power >= rough * 0.999) ?? 10;
  return factor * power;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
