/**
 * Observation: streams calibration samples through the float model, one at a time, and keeps of each activation only what
 * its observers keep. So peak memory depends on the model, not on how many samples there are.
 */
import { releaseAfterwards } from '../base/release-memory.ts';
import type { Samples } from '../data/samples.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/tensor.ts';
import type { Range } from './numerics.ts';
import { openExtremes } from './observed-extremes.ts';
import { openValues } from './observed-values.ts';
import type { Observer } from './observers/observer.ts';
import { observers } from './observers/observers.ts';
import type { Ranges } from './place/place.ts';
import type { ObserverName } from './recipe.ts';

export type ObserveOptions = {
  readonly observers: readonly (ObserverName | CustomObserver)[];
  /** Called after each sample with the number of samples seen. */
  readonly onSample?: (seen: number) => void;
  readonly signal?: AbortSignal;
};

/** An observer of your own. Its name must not be one of the table in observers.ts. */
export type CustomObserver = {
  readonly name: string;
  /** Called once for each tensor. */
  create(): Observer;
};

/** Ranges by observer's name. A tensor of which no value was ever seen (its branch was not taken) has none. */
export type Observation = ReadonlyMap<string, Ranges>;

/**
 * @param tensors names of float32 values of the model (inputs, and values in bodies of If and Loop included).
 * @throws DATA_MISMATCH when a sample does not fit the model; DATA_INVALID naming the tensor and the sample when a value is
 * NaN or infinite; MODEL_UNSUPPORTED when a tensor is not float32, or when the tensors of one sample exceed 512 MiB.
 */
export async function observe(
  model: Model,
  tensors: readonly string[],
  samples: Samples,
  { observers: names, onSample, signal }: ObserveOptions,
): Promise<Observation> {
  const watched = new Map(names.map((name) => observersFor(name, tensors)));
  const all = [...watched.values()].flatMap((byTensor) => [...byTensor.values()]);
  const open = all.every(({ addExtremes }) => addExtremes) ? openExtremes : openValues;
  const activations = await open(model, tensors);
  try {
    const seen = new Set<string>();
    const release = releaseAfterwards();
    for (let index = 0; index < samples.count; index++) {
      signal?.throwIfAborted();
      const feeds = await samples.feeds(index);
      await activations.read(feeds, index, (name, values) => {
        seen.add(name);
        for (const byTensor of watched.values()) take(byTensor.get(name)!, values);
      });
      release(bytesOf(feeds));
      onSample?.(index + 1);
    }
    return new Map([...watched].map(([name, byTensor]) => [name, rangesOf(byTensor, seen)]));
  } finally {
    await activations.close();
  }
}

function bytesOf(feeds: Feeds): number {
  return Object.values(feeds).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function take(observer: Observer, seen: Float32Array | Range): void {
  if (seen instanceof Float32Array) observer.add(seen);
  else observer.addExtremes?.(seen);
}

type Watched = ReadonlyMap<string, Observer>;

/** By its name, one observer for each tensor. */
function observersFor(observer: ObserverName | CustomObserver, tensors: readonly string[]): [string, Watched] {
  const { name, create } = typeof observer === 'string' ? { name: observer, create: observers[observer] } : observer;
  return [name, new Map(tensors.map((tensor) => [tensor, create()]))];
}

function rangesOf(byTensor: Watched, seen: ReadonlySet<string>): Ranges {
  return new Map([...byTensor].filter(([name]) => seen.has(name)).map(([name, observer]) => [name, observer.range()]));
}
