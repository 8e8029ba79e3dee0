/**
 * Observers: what turns a stream of tensors into a range. Each keeps a fixed amount of memory however much it sees, and but
 * for the moving average its answer does not depend on the order of what it saw.
 */

import type { Range } from '../numerics.ts';
import type { ObserverName } from '../recipe.ts';
import { entropyObserver } from './entropy.ts';
import { minMaxObserver, movingAverageObserver } from './extremes.ts';
import { leastSquaresObserver } from './least-squares.ts';
import { percentileObserver } from './percentile.ts';

export type Observer = {
  /** Takes in finite values: one sample's tensor. */
  add(values: Float32Array): void;
  /** The range to quantise; [0, 0] when nothing was seen. */
  range(): Range;
};

export const observers = {
  'min-max': minMaxObserver,
  'moving-average': movingAverageObserver,
  percentile: percentileObserver,
  entropy: entropyObserver,
  mse: leastSquaresObserver,
} as const satisfies Record<ObserverName, () => Observer>;
