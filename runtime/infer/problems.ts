/** Trouble that does not stop the runner: said at once the first time, then counted and said at most every ten seconds. */
import type { Clock } from '../base/clock.ts';
import { errorRecordFrom, type OctetError } from '../base/errors.ts';
import type { RunnerEvent } from './messages.ts';

/** Tells of one occurrence. */
export type Report = (error: OctetError) => void;

export type Problems = {
  /** A counter of its own, for one sink, the source or the recorder. */
  reporter(): Report;
  /** Says what was counted and not yet said. */
  flush(): void;
};

const intervalMs = 10_000;

type Tally = { count: number; said: number; saidAtMs: number; last: OctetError | undefined };

export function createProblems(clock: Clock, emit: (event: RunnerEvent) => void): Problems {
  const tallies: Tally[] = [];
  const say = (tally: Tally): void => {
    if (tally.last === undefined || tally.said === tally.count) return;
    tally.said = tally.count;
    tally.saidAtMs = clock.monotonicMs();
    emit({ kind: 'problem', error: errorRecordFrom(tally.last), count: tally.count });
  };
  return {
    reporter() {
      const tally: Tally = { count: 0, said: 0, saidAtMs: Number.NEGATIVE_INFINITY, last: undefined };
      tallies.push(tally);
      return (error) => {
        tally.count++;
        tally.last = error;
        if (clock.monotonicMs() - tally.saidAtMs >= intervalMs) say(tally);
      };
    },
    flush: () => tallies.forEach(say),
  };
}
