/**
 * Cuts a stream of samples into windows. Samples are written once into a buffer of several windows; a window is a view of it,
 * and only what the next window needs is moved to the front when the buffer is full.
 */
import { type Pipeline, sampleWidth } from './pipeline.ts';

/** Room for this many windows before samples have to be moved: one copy in so many windows. */
const windowsOfRoom = 8;

export type Windower = {
  /**
   * Takes one sample, the row of `rows` that starts at `offset`.
   * @returns [samples, channels] when this sample completes a window: a view, valid until the next `push`.
   */
  push(rows: ArrayLike<number>, offset: number): Float32Array | undefined;
  /** Forgets what was pushed: the next sample does not follow on the last one. */
  reset(): void;
};

export function createWindower(pipeline: Pipeline): Windower {
  const { samples, stride } = pipeline.window;
  const width = sampleWidth(pipeline);
  const size = samples * width;
  const buffer = new Float32Array(size * windowsOfRoom);
  let end = 0;
  /** Samples still to come before the next window is complete. */
  let missing = samples;
  return {
    push(rows, offset) {
      if (end === buffer.length) {
        // The window to come reaches back at most one sample less than its length.
        buffer.copyWithin(0, end - size + width, end);
        end = size - width;
      }
      for (let channel = 0; channel < width; channel++) buffer[end + channel] = rows[offset + channel] as number;
      end += width;
      missing--;
      if (missing > 0) return undefined;
      missing = stride;
      return buffer.subarray(end - size, end);
    },
    reset() {
      end = 0;
      missing = samples;
    },
  };
}

/** How many whole windows lie in `sampleCount` consecutive samples. */
export function windowCount(sampleCount: number, { samples, stride }: Pipeline['window']): number {
  return sampleCount < samples ? 0 : Math.floor((sampleCount - samples) / stride) + 1;
}
