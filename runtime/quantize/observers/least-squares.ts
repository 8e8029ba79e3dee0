/** The observer that weighs clipping against rounding by the squared error of both. */
import { affineParams, levelsOf, type Range } from '../numerics.ts';
import { bestRange } from './best-range.ts';
import { type Histogram, type HistogramSide, valueHistogram } from './histogram.ts';
import type { Observer } from './observer.ts';

/**
 * The clipped range whose quantisation has the least squared error over all that was seen.
 * @param steps between the least and the greatest level: 255 for 8 bits, 15 for 4.
 */
export function leastSquaresObserver(steps = 255): Observer {
  const histogram = valueHistogram();
  return {
    add: histogram.add,
    range() {
      const seen = histogram.extremes();
      return seen ? bestRange(seen, (range) => squaredError(range, histogram, steps)) : { min: 0, max: 0 };
    },
  };
}

function squaredError(range: Range, { negative, positive }: Histogram, steps: number): number {
  // Signed or not, the levels are at the same places.
  const { scale, zeroPoint } = levelsOf(affineParams(range, 'uint8'), steps);
  return sideError(positive, scale, steps - zeroPoint) + sideError(negative, scale, zeroPoint);
}

/** When magnitudes are rounded to multiples of `scale` and clipped at `levels` of them. */
function sideError({ counts, width }: HistogramSide, scale: number, levels: number): number {
  if (width === 0) return 0;
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    const centre = (i + 0.5) * width;
    const error = Math.min(Math.round(centre / scale), levels) * scale - centre;
    sum += counts[i]! * error * error;
  }
  return sum;
}
