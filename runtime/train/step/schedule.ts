/** How the learning rate changes over the steps. */

export type Schedule = {
  readonly peak: number;
  /** `cosine` falls to 0 along half a wave, `linear` along a line. */
  readonly shape: 'constant' | 'linear' | 'cosine';
  /** Steps over which it rises from 0 to the peak first. Default 0. */
  readonly warmup?: number;
};

/** @param step from 0; @param steps in all. */
export function rateAt({ peak, shape, warmup = 0 }: Schedule, step: number, steps: number): number {
  if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
  const done = (step - warmup) / Math.max(steps - warmup, 1);
  return peak * shapes[shape](done);
}

const shapes = {
  constant: () => 1,
  linear: (done) => 1 - done,
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
} as const satisfies Record<Schedule['shape'], (done: number) => number>;
