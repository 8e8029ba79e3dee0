/** Under which conditions something was measured. Taken before and after: a figure from a throttled board is marked, not hidden. */
import { loadavg } from 'node:os';
import { readThermals, type Thermals } from '../hardware/thermals.ts';

export type Conditions = Thermals & {
  /** Processes wanting to run, average over the last minute. */
  readonly load1: number;
};

export function readConditions(): Conditions {
  return { ...readThermals(), load1: loadavg()[0]! };
}

/** What makes a measurement between these two moments doubtful, in words; empty when nothing does. */
export function doubtsAbout(before: Conditions, after: Conditions): string[] {
  const doubts = throttledBetween(before, after);
  if ((after.temperatureC ?? 0) - (before.temperatureC ?? Number.POSITIVE_INFINITY) > 15)
    doubts.push(`it warmed up from ${before.temperatureC} to ${after.temperatureC} °C`);
  return doubts;
}

/** What held the processor back at one of two moments, or began to in between; in words, each once. */
export function throttledBetween(before: Thermals, after: Thermals): string[] {
  const started = (after.throttledSinceBoot ?? []).filter((reason) => !before.throttledSinceBoot?.includes(reason));
  const reasons = [...(before.throttled ?? []), ...(after.throttled ?? []), ...started];
  return [...new Set(reasons.map((reason) => `the board was ${phrases[reason]}`))];
}

const phrases = {
  'under-voltage': 'under-powered (use a stronger supply)',
  'frequency capped': 'capped in frequency',
  throttled: 'throttled',
  'soft temperature limit': 'at its soft temperature limit (cool it)',
} as const satisfies Record<NonNullable<Thermals['throttled']>[number], string>;
