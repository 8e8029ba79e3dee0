/**
 * Whether the board is strained: hotter than it should be for some time, or held back by its firmware for want of power. It
 * takes minutes of calm, at a lower temperature, until it counts as relieved: a variant that is switched back and forth
 * helps nobody. Pure.
 */
import type { ThrottleReason } from '../../runtime/hardware/thermals.ts';

export type HeatPolicy = {
  /** Hotter than this is strain, degrees Celsius. */
  readonly demoteC: number;
  /** Cooler than this is calm. */
  readonly promoteC: number;
};

export type HeatReading = {
  readonly temperatureC: number | null;
  /** What holds the processor back now; null where the board does not tell. */
  readonly throttled: readonly ThrottleReason[] | null;
};

export type HeatState = {
  readonly isStrained: boolean;
  /** Since when readings say the opposite, monotonic milliseconds; null while they do not. */
  readonly turningMs: number | null;
};

export const noHeat: HeatState = { isStrained: false, turningMs: null };

/** Strain may pass by itself; calm must last. */
const strainMs = 30_000;
const calmMs = 300_000;

/** @returns the next state, and in words what turned, when something did. */
export function noteHeat(
  { isStrained, turningMs }: HeatState,
  reading: HeatReading,
  nowMs: number,
  policy: HeatPolicy,
): readonly [HeatState, string | undefined] {
  const strain = strainIn(reading, policy);
  const isOpposite = isStrained ? isCalm(reading, policy) : strain !== undefined;
  if (!isOpposite) return [{ isStrained, turningMs: null }, undefined];
  const sinceMs = turningMs ?? nowMs;
  const lastsMs = isStrained ? calmMs : strainMs;
  if (nowMs - sinceMs < lastsMs) return [{ isStrained, turningMs: sinceMs }, undefined];
  const what = strain ?? `at most ${policy.promoteC} °C and nothing held back`;
  return [{ isStrained: !isStrained, turningMs: null }, `for ${lastsMs / 1000} s ${what}`];
}

function strainIn({ temperatureC, throttled }: HeatReading, { demoteC }: HeatPolicy): string | undefined {
  if (throttled !== null && throttled.length > 0) return `the board was held back: ${throttled.join(', ')}`;
  return temperatureC !== null && temperatureC > demoteC ? `hotter than ${demoteC} °C (${temperatureC} °C)` : undefined;
}

function isCalm({ temperatureC, throttled }: HeatReading, { promoteC }: HeatPolicy): boolean {
  return (throttled === null || throttled.length === 0) && (temperatureC === null || temperatureC <= promoteC);
}
