/** Groups decisions for the way to the parent: one message each would cost more than the decision itself. */
import type { Clock } from '../base/clock.ts';
import type { Decision } from './messages.ts';

/** People see a live page; the contract allows 250 ms. */
const groupMs = 200;

export type DecisionGroups = {
  add(decision: Decision): void;
  /** Sends what is waiting. */
  flush(): void;
};

export function createDecisionGroups(clock: Clock, send: (decisions: readonly Decision[]) => void): DecisionGroups {
  let waiting: Decision[] = [];
  let startedAtMs = 0;
  const flush = (): void => {
    const decisions = waiting;
    waiting = [];
    if (decisions.length > 0) send(decisions);
  };
  return {
    add(decision) {
      if (waiting.length === 0) {
        startedAtMs = clock.monotonicMs();
        const group = waiting;
        // For the source that pauses; a busy one is served below, because its work may starve timers.
        void clock.sleep(groupMs).then(() => group === waiting && flush());
      }
      waiting.push(decision);
      if (clock.monotonicMs() - startedAtMs >= groupMs) flush();
    },
    flush,
  };
}
