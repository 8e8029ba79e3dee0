/** The observers by the names that recipes give them. A new one is one line. */
import type { ObserverName } from '../recipe.ts';
import { entropyObserver } from './entropy.ts';
import { minMaxObserver, movingAverageObserver } from './extremes.ts';
import { leastSquaresObserver } from './least-squares.ts';
import type { Observer } from './observer.ts';
import { percentileObserver } from './percentile.ts';

export const observers = {
  'min-max': minMaxObserver,
  'moving-average': movingAverageObserver,
  percentile: percentileObserver,
  entropy: entropyObserver,
  mse: leastSquaresObserver,
} as const satisfies Record<ObserverName, () => Observer>;
