/**
 * The error of a tensor whose channels were rescaled on purpose before quantising (`equalize`, `absorbBias`): what is left when each
 * channel of the quantised tensor is fitted to the float one with a factor and an offset. Sums for each channel, so memory
 * does not grow.
 */
import { elementCount } from '../../graph/tensor.ts';
import { decibel, type ErrorMeter } from './error-meter.ts';
import type { IntegerParams } from './integer-values.ts';
import { sum } from './node-figures.ts';

type Sums = { count: number; x: number; y: number; xx: number; xy: number; yy: number };

export function rescaledMeter(params?: IntegerParams): ErrorMeter {
  const { scale, zeroPoint } = params ?? { scale: 1, zeroPoint: 0 };
  const channels: Sums[] = [];
  return {
    add(exact, quantized, dims) {
      const { size, inner } = channelsOf(dims);
      while (channels.length < size) channels.push({ count: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 });
      for (let i = 0; i < Math.min(exact.length, quantized.length); i++)
        addTo(channels[Math.floor(i / inner) % size]!, exact[i]!, (quantized[i]! - zeroPoint) * scale);
    },
    error() {
      const [signal, noise] = [sum(channels.map(({ xx }) => xx)), sum(channels.map(unexplained))];
      return {
        sqnrDb: decibel(signal, noise),
        cosine: signal === 0 ? Number(noise === 0) : Math.sqrt(Math.max(0, 1 - noise / signal)),
        // Both would need the fit before the last sample is seen.
        maxError: null,
        saturation: null,
        values: sum(channels.map(({ count }) => count)),
      };
    },
  };
}

/** [batch, channels, …space], of convolutions and dense layers alike. */
function channelsOf(dims: readonly number[]): { size: number; inner: number } {
  return { size: dims[1] ?? 1, inner: elementCount(dims.slice(2)) };
}

function addTo(sums: Sums, x: number, y: number): void {
  sums.count += 1;
  sums.x += x;
  sums.y += y;
  sums.xx += x * x;
  sums.xy += x * y;
  sums.yy += y * y;
}

/** The squared error of the best straight line: `Cxx − Cxy² ∕ Cyy`. */
function unexplained({ count, x, y, xx, xy, yy }: Sums): number {
  if (count === 0) return 0;
  const [cxx, cxy, cyy] = [xx - (x * x) / count, xy - (x * y) / count, yy - (y * y) / count];
  return Math.max(0, cyy > 0 ? cxx - (cxy * cxy) / cyy : cxx);
}
