/**
 * Whether the sensor's data is still what the model was calibrated with. What is counted in one period says little: people
 * walk, then sit. So periods are compared with how much parts of the calibration set differ among themselves, and only
 * several suspicious ones in a row are drift. Pure.
 */
import {
  addCounts,
  type InputCounts,
  type InputProfile,
  largestShift,
  noCounts,
} from '../../runtime/infer/input-profile.ts';

export type DriftPolicy = {
  /** Windows that make a period. */
  readonly windows: number;
  /** Suspicious periods in a row that make a drift. */
  readonly periods: number;
};

export type DriftState = { readonly counts: InputCounts | null; readonly suspicions: readonly string[] };

export const noDrift: DriftState = { counts: null, suspicions: [] };

/** A large shift by common usage of the index; see `stabilityIndex`. */
const largeShift = 0.25;
/** So many times what the calibration set itself varies is no variation any more. */
const beyondNatural = 2;
/** So many times the saturation at calibration, and at least this share of all values. */
const moreSaturation = 10;
const leastSaturation = 0.01;

/** @returns the next state, and the evidence once it is a drift; then counting begins anew. */
export function noteInputs(
  { counts, suspicions }: DriftState,
  added: InputCounts,
  profile: InputProfile,
  policy: DriftPolicy,
): readonly [DriftState, string | undefined] {
  const sum = addCounts(counts ?? noCounts(profile.channels.length), added);
  if (sum.windows < policy.windows) return [{ counts: sum, suspicions }, undefined];
  const suspicion = suspicionOf(sum, profile);
  if (suspicion === undefined) return [noDrift, undefined];
  const all = [...suspicions, suspicion];
  if (all.length < policy.periods) return [{ counts: null, suspicions: all }, undefined];
  return [noDrift, `${policy.periods} periods of ${policy.windows} windows in a row: ${suspicion}`];
}

/** What is other than at the calibration, in words; undefined when nothing is. */
export function suspicionOf(counts: InputCounts, profile: InputProfile): string | undefined {
  const shift = largestShift(profile.channels, counts.bins);
  const shiftLimit = Math.max(largeShift, beyondNatural * profile.naturalShift);
  if (shift.index > shiftLimit)
    return `${shift.channel} is distributed otherwise than at the calibration (index ${shift.index.toFixed(2)}, limit ${shiftLimit.toFixed(2)})`;
  return (
    saturation('inputs', counts.saturatedInputs, counts.inputs, profile.inputSaturation) ??
    saturation('outputs', counts.saturatedOutputs, counts.outputs, profile.outputSaturation)
  );
}

function saturation(what: string, saturated: number, total: number, calibrated: number): string | undefined {
  const limit = Math.max(leastSaturation, moreSaturation * calibrated);
  const share = total === 0 ? 0 : saturated / total;
  if (share <= limit) return undefined;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return `${percent(share)} of the ${what} are at or beyond the ends of int8's range (limit ${percent(limit)}, calibration ${percent(calibrated)})`;
}
