/** The observer that keeps the shape of the distribution. */
import type { Range } from '../numerics.ts';
import { bestRange } from './best-range.ts';
import { type HistogramSide, valueHistogram } from './histogram.ts';
import type { Observer } from './observer.ts';

/**
 * Levels that a range is divided into for the comparison: half of int8's 256, so that even the narrowest range tried has three
 * bins for each, and there is something to compare.
 */
const levels = 128;

/**
 * The clipped range whose quantised distribution diverges least (Kullback–Leibler) from the one seen. Well known, and not
 * to be recommended: it counts values, not how large they are, so it clips rare large values, which are what a trained
 * network answers by. On the six models tried it lost 10 to 20 dB of output against min-max, and up to two points of agreement;
 * `mse` weighs what it clips. Source of the method: Migacz, 8-bit inference with TensorRT, 2017; here for both signs apart.
 *
 * On purpose unlike onnxruntime.quantization 1.30, which compares 128 levels on a histogram of 128 bins: that leaves a
 * single candidate, the full range, and its answer is that of min-max on every tensor of every model tried.
 */
export function entropyObserver(): Observer {
  const histogram = valueHistogram();
  return {
    add: histogram.add,
    range() {
      const seen = histogram.extremes();
      if (!seen) return { min: 0, max: 0 };
      const [positive, negative] = [cumulated(histogram.positive), cumulated(histogram.negative)];
      return bestRange(seen, (range) => divergence(range, positive, negative));
    },
  };
}

/** Sums over all bins below each, so that what lies between two bins is a difference: every range tried then costs its levels, not its bins. */
type Cumulated = {
  readonly bins: number;
  readonly width: number;
  readonly values: Float64Array;
  /** How many of the bins have values. */
  readonly occupied: Float64Array;
  /** count·ln(count). */
  readonly logs: Float64Array;
};

function cumulated({ counts, width }: HistogramSide): Cumulated {
  const bins = counts.length;
  const [values, occupied, logs] = [0, 0, 0].map(() => new Float64Array(bins + 1)) as [Sums, Sums, Sums];
  for (let bin = 0; bin < bins; bin++) {
    const count = counts[bin]!;
    values[bin + 1] = values[bin]! + count;
    occupied[bin + 1] = occupied[bin]! + Number(count > 0);
    logs[bin + 1] = logs[bin]! + timesLog(count);
  }
  return { bins, width, values, occupied, logs };
}

type Sums = Float64Array<ArrayBuffer>;

/** x·ln(x), which is 0 at 0. */
function timesLog(x: number): number {
  return x > 0 ? x * Math.log(x) : 0;
}

/** KL of the seen distribution, clipped into the range, from the one that `levels` equal steps can express. */
function divergence(range: Range, positive: Cumulated, negative: Cumulated): number {
  const step = (range.max - range.min) / levels;
  if (!(step > 0)) return 0;
  const sides = [
    { side: positive, end: range.max },
    { side: negative, end: -range.min },
  ].flatMap(({ side, end }) => (side.width === 0 ? [] : [levelled(side, end, step)]));
  const seen = sides.reduce((sum, { kept, cut }) => sum + kept + cut, 0);
  const kept = sides.reduce((sum, each) => sum + each.kept, 0);
  if (kept === 0) return Number.POSITIVE_INFINITY;
  // Σ p·ln(p/q) with p = count/seen, q = smoothed/kept: what is common to all bins is taken out of the sum.
  return sides.reduce((sum, { logRatio }) => sum + logRatio, 0) / seen + Math.log(kept / seen);
}

type Levelled = {
  /** Values inside the range, and beyond it. */
  readonly kept: number;
  readonly cut: number;
  /** Σ count·ln(count / smoothed) over bins, the values beyond counted with the last bin. */
  readonly logRatio: number;
};

/** Within one level the quantised distribution cannot tell bins apart: its values are spread evenly over the occupied ones. */
function levelled({ bins, width, values, occupied, logs }: Cumulated, end: number, step: number): Levelled {
  const inside = Math.min(bins, Math.ceil(end / width));
  const kept = values[inside]!;
  const cut = values[bins]! - kept;
  let logRatio = logs[inside]!;
  let smoothed = smoothing;
  for (let level = 0, from = 0; from < inside; level++) {
    const to = level === levels - 1 ? inside : Math.min(inside, Math.max(from, firstBin(level + 1, step, width)));
    const sum = values[to]! - values[from]!;
    if (sum > 0) {
      smoothed = sum / (occupied[to]! - occupied[from]!);
      logRatio -= sum * Math.log(smoothed);
    }
    from = to;
  }
  const last = inside > 0 ? kept - values[inside - 1]! : 0;
  if (last === 0) smoothed = smoothing;
  return { kept, cut, logRatio: logRatio + timesLog(last + cut) - timesLog(last) - cut * Math.log(smoothed) };
}

/** The first bin whose middle lies in this level. */
function firstBin(level: number, step: number, width: number): number {
  return Math.ceil((level * step) / width - 0.5);
}

/** What the quantised distribution has where it ought to have nothing, so that no logarithm is infinite. */
const smoothing = 1e-4;
