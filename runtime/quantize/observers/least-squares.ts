/** The observer that weighs clipping against rounding by the squared error of both. */
import { affineParams, type Range } from '../numerics.ts';
import { bestRange } from './best-range.ts';
import { type Histogram, type HistogramSide, valueHistogram } from './histogram.ts';
import type { Observer } from './observer.ts';

/** The clipped range whose quantisation has the least squared error over all that was seen. */
export function leastSquaresObserver(): Observer {
  const histogram = valueHistogram();
  return {
    add: histogram.add,
    range() {
      const seen = histogram.extremes();
      return seen ? bestRange(seen, (range) => squaredError(range, histogram)) : { min: 0, max: 0 };
    },
  };
}

function squaredError(range: Range, { negative, positive }: Histogram): number {
  // Signed or not, there are 256 levels at the same places.
  const { scale, zeroPoint } = affineParams(range, 'uint8');
  return sideError(positive, scale, 255 - zeroPoint) + sideError(negative, scale, zeroPoint);
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
