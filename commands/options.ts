/** Option values that several commands take: text → number with its unit, or a message that says what was expected. */
import { InvalidArgumentError } from 'commander';

/** `4` → 4. */
export function threadsFrom(text: string): number {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return threads;
  throw new InvalidArgumentError('expected a number of threads, 1 to 64.');
}

/** `64` → 64. */
export function countFrom(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('expected a whole number above 0');
}

/** `0.01` → 0.01. */
export function shareFrom(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('expected a share from 0 to 1, for example 0.01.');
}

const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `256MiB` → 268435456. */
export function bytesFrom(text: string): number {
  const [, digits, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)?$/.exec(text.trim()) ?? [];
  const factor = byteUnits[unit];
  if (digits !== undefined && factor !== undefined && Number(digits) > 0) return Math.round(Number(digits) * factor);
  throw new InvalidArgumentError(`expected a size like 256MiB (${Object.keys(byteUnits).join(', ')}).`);
}

const latencyUnits: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1000, s: 1_000_000 };

/** `5ms` → 5000. */
export function latencyUsFrom(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*(\D+)$/.exec(text.trim()) ?? [];
  const factor = latencyUnits[unit];
  if (digits !== undefined && factor !== undefined && Number(digits) > 0) return Number(digits) * factor;
  throw new InvalidArgumentError('expected a time with its unit like 5ms (us, ms, s).');
}

const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** `5s` → 5000. */
export function durationMsFrom(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/.exec(text.trim()) ?? [];
  const factor = timeUnits[unit];
  if (digits !== undefined && factor !== undefined && Number(digits) > 0) return Number(digits) * factor;
  throw new InvalidArgumentError('expected a duration like 5s (ms, s, min).');
}
