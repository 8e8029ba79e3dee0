/** How long to wait before trying again: quick at first, then up to a minute, jittered so that a fleet does not knock at once. */

const ceilingsMs = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000] as const;

/** An endless sequence: each delay lies between half of its ceiling and the ceiling. @param random 0 to 1. */
export function* retryDelays(random: () => number): Generator<number, never> {
  for (let attempt = 0; ; attempt += 1) {
    const ceiling = ceilingsMs[Math.min(attempt, ceilingsMs.length - 1)]!;
    yield ceiling * (0.5 + 0.5 * random());
  }
}
