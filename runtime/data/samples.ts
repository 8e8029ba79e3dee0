/**
 * Labelled or unlabelled samples, one at a time, from wherever they come. A set is indices into something lazy, so that
 * splitting and thinning are arithmetic and memory does not grow with the number of samples.
 */
import type { SessionValue } from '../engine/session.ts';
import type { Feeds } from '../graph/tensor.ts';
import type { Pipeline, Task } from './pipeline.ts';

/** A finite, indexable set of model inputs. Reading is lazy, so that memory does not grow with the number of samples. */
export type Samples = {
  readonly count: number;
  /** Class index per sample, -1 where the sample has no label; undefined when there are no labels at all. */
  readonly labels: readonly number[] | undefined;
  /** The model's inputs for sample `index`, batch of 1. */
  feeds(index: number): Promise<Feeds>;
  /** In words, for reports: `1,842 windows of 35 recordings`. */
  readonly description: string;
  /** Where each sample lies in its recording; absent when samples are independent of each other. */
  readonly windows?: readonly WindowPosition[];
};

/** Samples `startSample` (inclusive) to `endSample` (exclusive) of the recording numbered `recording`. */
export type WindowPosition = {
  readonly recording: number;
  readonly startSample: number;
  readonly endSample: number;
};

export type SamplesOptions = {
  /** What the model takes: `inputs` of its session. */
  readonly inputs: readonly SessionValue[];
  /** Gives labels their meaning; without it only integer `y` arrays are labels. */
  readonly task?: Task;
  /** How recordings are windowed; needed for recordings only. */
  readonly pipeline?: Pipeline;
  /** Window → model input; absent when the window is the input. Its session lives as long as the process. */
  readonly featuresPath?: string;
};

/** Share of the data that judges and never calibrates. */
const heldOutShare = 0.3;

/**
 * Two disjoint parts. Recordings: held out is the last 30 % of each, with one window of gap before it, so that no sample is
 * in both. Independent samples: a permutation that depends on nothing but their number. Order is kept in both parts.
 */
export function splitHeldOut(samples: Samples): { calibration: Samples; heldOut: Samples } {
  const { calibration, heldOut } = samples.windows ? splitWindows(samples.windows) : splitIndependent(samples.count);
  return {
    calibration: subset(samples, calibration, 'for calibration'),
    heldOut: subset(samples, heldOut, 'held out'),
  };
}

/** At most `max` samples, spread evenly over all of them. */
export function evenly(samples: Samples, max: number): Samples {
  if (samples.count <= max) return samples;
  const indices = Array.from({ length: max }, (_, at) => Math.floor((at * samples.count) / max));
  return subset(samples, indices, 'spread evenly');
}

type Split = { readonly calibration: readonly number[]; readonly heldOut: readonly number[] };

function splitWindows(windows: readonly WindowPosition[]): Split {
  const ends = new Map<number, number>();
  for (const { recording, endSample } of windows) ends.set(recording, Math.max(endSample, ends.get(recording) ?? 0));
  const calibration: number[] = [];
  const heldOut: number[] = [];
  for (const [index, { recording, startSample, endSample }] of windows.entries()) {
    const boundary = Math.ceil((ends.get(recording) ?? 0) * (1 - heldOutShare));
    const gap = endSample - startSample;
    if (startSample >= boundary) heldOut.push(index);
    else if (endSample <= boundary - gap) calibration.push(index);
  }
  return { calibration, heldOut };
}

function splitIndependent(count: number): Split {
  const order = permutation(count);
  const cut = Math.round(count * (1 - heldOutShare));
  const ascending = (indices: number[]): number[] => indices.sort((a, b) => a - b);
  return { calibration: ascending(order.slice(0, cut)), heldOut: ascending(order.slice(cut)) };
}

/** Fisher–Yates over a linear congruential generator (Numerical Recipes' constants), the same for every set of this size. */
function permutation(count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  let state = count >>> 0;
  for (let last = count - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}

function subset(samples: Samples, indices: readonly number[], role: string): Samples {
  const pick = <T>(values: readonly T[]): T[] => indices.map((index) => values[index] as T);
  return {
    count: indices.length,
    labels: samples.labels && pick(samples.labels),
    feeds: (index) => samples.feeds(indices[index] as number),
    description: `${indices.length.toLocaleString('en-US')} ${role} of ${samples.description}`,
    ...(samples.windows ? { windows: pick(samples.windows) } : {}),
  };
}
