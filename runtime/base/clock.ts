/**
 * Time as an argument. Deadlines and durations use the monotonic clock, because most boards have no battery clock and
 * wall time jumps when the network first answers; wall time is only for people and for the wire.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';

export type Clock = {
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, signal ? { signal } : {}),
};
