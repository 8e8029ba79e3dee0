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
  const doubts = new Set<string>();
  for (const reason of [...(before.throttled ?? []), ...(after.throttled ?? [])])
    doubts.add(`the board was ${phrases[reason]}`);
  const started = (after.throttledSinceBoot ?? []).filter((reason) => !before.throttledSinceBoot?.includes(reason));
  for (const reason of started) doubts.add(`the board was ${phrases[reason]}`);
  if ((after.temperatureC ?? 0) - (before.temperatureC ?? Number.POSITIVE_INFINITY) > 15)
    doubts.add(`it warmed up from ${before.temperatureC} to ${after.temperatureC} °C`);
  return [...doubts];
}

const phrases = {
  'under-voltage': 'under-powered (use a stronger supply)',
  'frequency capped': 'capped in frequency',
  throttled: 'throttled',
  'soft temperature limit': 'at its soft temperature limit (cool it)',
} as const satisfies Record<NonNullable<Thermals['throttled']>[number], string>;
