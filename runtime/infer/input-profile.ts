/**
 * What a model's inputs look like: per channel of the sensor how its values are spread over ten bins of equal share, and how
 * often values fall outside what int8 can express. Taken once from the calibration set, then counted beside inference and
 * compared. Plain records and pure arithmetic.
 */

export type ChannelProfile = {
  readonly name: string;
  /** Values per sample: more than one where a sample is a picture or a row of a sensor array. */
  readonly count: number;
  /** Inner borders of the bins, rising: the calibration set's deciles. */
  readonly edges: readonly number[];
  /** Share of the calibration set's values in each bin; one more than edges. */
  readonly shares: readonly number[];
};

/** The range that int8 can express. */
export type Range = { readonly min: number; readonly max: number };

export type InputProfile = {
  /** Windows it was taken from. */
  readonly windows: number;
  readonly channels: readonly ChannelProfile[];
  /** What the model's input is quantised to; where it is not (dynamic, float32): what calibration saw. */
  readonly input: Range;
  /** What the model's output is quantised to; absent where it is float. */
  readonly output?: Range;
  /** Share of the calibration set's inputs and outputs at or beyond the ends of those ranges. */
  readonly inputSaturation: number;
  readonly outputSaturation: number;
  /** How far parts of the calibration set differ from the whole of it: what is no drift. Population stability index. */
  readonly naturalShift: number;
};

/** Counted since the last report; the same shape as the profile. */
export type InputCounts = {
  readonly windows: number;
  /** Per channel, per bin. */
  readonly bins: readonly (readonly number[])[];
  readonly inputs: number;
  readonly saturatedInputs: number;
  readonly outputs: number;
  readonly saturatedOutputs: number;
};

export function noCounts(channels: number): InputCounts {
  const bins = Array.from({ length: channels }, () => new Array<number>(binCount).fill(0));
  return { windows: 0, bins, inputs: 0, saturatedInputs: 0, outputs: 0, saturatedOutputs: 0 };
}

export const binCount = 10;

export function addCounts(a: InputCounts, b: InputCounts): InputCounts {
  return {
    windows: a.windows + b.windows,
    bins: a.bins.map((bins, channel) => bins.map((count, bin) => count + (b.bins[channel]?.[bin] ?? 0))),
    inputs: a.inputs + b.inputs,
    saturatedInputs: a.saturatedInputs + b.saturatedInputs,
    outputs: a.outputs + b.outputs,
    saturatedOutputs: a.saturatedOutputs + b.saturatedOutputs,
  };
}

/** Which bin a value falls into: 0 to `edges.length`. Values that are no numbers fall into the last one. */
export function binOf(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < (edges[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** So small a share stands for none, which the logarithm does not bear. */
const leastShare = 1e-3;

/**
 * Population stability index of counts against shares, Σ (q − p) ln(q / p): 0 when equal; by common usage above 0.1 a shift,
 * above 0.25 a large one. Source: Siddiqi 2006, "Credit Risk Scorecards", ch. 9.
 */
export function stabilityIndex(shares: readonly number[], counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  return shares.reduce((sum, share, bin) => {
    const [p, q] = [Math.max(share, leastShare), Math.max((counts[bin] ?? 0) / total, leastShare)];
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

/** The channel that has moved most. */
export function largestShift(
  channels: readonly ChannelProfile[],
  bins: readonly (readonly number[])[],
): { readonly channel: string; readonly index: number } {
  const shifts = channels.map(({ name, shares }, at) => ({
    channel: name,
    index: stabilityIndex(shares, bins[at] ?? []),
  }));
  return shifts.reduce((most, shift) => (shift.index > most.index ? shift : most), { channel: '', index: 0 });
}
