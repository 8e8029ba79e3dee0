/**
 * How long to wait before trying again: quick at first and often for the first minutes, because most outages are short;
 * then longer and longer. Jittered, so that a fleet does not knock at once.
 */

const quickMs = [250, 500, 1000, 2000, 4000, 8000];
const patientMs = 15_000;
/** So often the ceiling stays there: five minutes without jitter. */
const patientAttempts = 20;

/** No delay is longer, unless the caller says otherwise. */
const defaultMaxMs = 60_000;

/** An endless sequence: each delay lies between half of its ceiling and the ceiling, at most `maxMs`. @param random 0 to 1. */
export function* retryDelays(random: () => number, maxMs: number = defaultMaxMs): Generator<number, never> {
  for (let attempt = 0; ; attempt += 1) {
    const doublings = Math.max(0, attempt - quickMs.length - patientAttempts + 1);
    const ceiling = Math.min(maxMs, quickMs[attempt] ?? patientMs * 2 ** doublings);
    yield ceiling * (0.5 + 0.5 * random());
  }
}
