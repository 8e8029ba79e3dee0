/** Observers that look at nothing but each sample's smallest and largest value. */
import type { Range } from '../numerics.ts';
import type { Observer } from './observer.ts';

/** The extremes themselves: nothing is clipped, and one outlier costs everybody resolution. */
export function minMaxObserver(): Observer {
  let seen: Range | undefined;
  return extremesObserver({
    addExtremes(range) {
      seen = seen ? hull(seen, range) : range;
    },
    range: () => seen ?? { min: 0, max: 0 },
  });
}

/** The weight of a new sample once there are many. Source: the default of onnxruntime.quantization and of PyTorch. */
const averagingConstant = 0.01;

/**
 * The samples' extremes, averaged: a rare outlier counts by its share. The plain mean of the first hundred, so that the first
 * sample weighs no more than others; from then on old samples fade, by 1 % with each new one.
 */
export function movingAverageObserver(): Observer {
  let seen: Range = { min: 0, max: 0 };
  let samples = 0;
  return extremesObserver({
    addExtremes(range) {
      samples += 1;
      const weight = Math.max(1 / samples, averagingConstant);
      const towards = (from: number, to: number) => from + weight * (to - from);
      seen = { min: towards(seen.min, range.min), max: towards(seen.max, range.max) };
    },
    range: () => seen,
  });
}

function extremesObserver(observer: Required<Pick<Observer, 'addExtremes' | 'range'>>): Observer {
  return {
    ...observer,
    add(values) {
      const range = extremesOf(values);
      if (range) observer.addExtremes(range);
    },
  };
}

/** Undefined for an empty tensor. */
export function extremesOf(values: Float32Array): Range | undefined {
  if (values.length === 0) return undefined;
  let min = values[0]!;
  let max = min;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return { min, max };
}

export function hull(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
