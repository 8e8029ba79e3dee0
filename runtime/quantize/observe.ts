/**
 * Observation: streams calibration samples through the float model, one at a time, and keeps of each activation only what
 * its observers keep. So peak memory depends on the model, not on how many samples there are.
 */
import { OctetError } from '../base/errors.ts';
import type { Samples } from '../data/samples.ts';
import { checkFeeds } from '../engine/check-feeds.ts';
import { openModel } from '../engine/open-model.ts';
import type { Session, SessionValue } from '../engine/session.ts';
import type { Model } from '../graph/model.ts';
import { elementCount, type Feeds, type Tensor } from '../graph/tensor.ts';
import { exposeValues } from './bodies/expose-values.ts';
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
  // Every activation as it is written: optimising would fuse some of them away.
  const { model: open, exposed } = exposeValues(model, tensors);
  const session = await openModel(open, { level: 'disabled' });
  try {
    const watched = new Map(names.map((name) => observersFor(name, tensors)));
    const seen = new Set<string>();
    for (let index = 0; index < samples.count; index++) {
      signal?.throwIfAborted();
      const feeds = await samples.feeds(index);
      if (index === 0) checkFeeds(session.inputs, feeds);
      if (index === 0) checkSize(model, session.outputs);
      const given = await runOn(session, feeds, tensors, exposed);
      for (const [name, tensor] of given) {
        const values = checkedValues(name, tensor, index);
        if (values.length > 0) seen.add(name);
        for (const byTensor of watched.values()) byTensor.get(name)?.add(values);
      }
      onSample?.(index + 1);
    }
    return new Map([...watched].map(([name, byTensor]) => [name, rangesOf(byTensor, seen)]));
  } finally {
    await session.close();
  }
}

/** A sample’s activations are all in memory at once, and the runtime holds about three times as much while it works. */
const mostBytes = 2 ** 29;

/** Sizes that are known before running: a model that would fill the memory is refused rather than started. */
function checkSize({ origin }: Model, outputs: readonly SessionValue[]): void {
  const known = outputs.map(({ dims }) => (dims ?? []).map((size) => (typeof size === 'number' ? size : 1)));
  const bytes = known.reduce((sum, dims) => sum + 4 * elementCount(dims), 0);
  if (bytes <= mostBytes) return;
  throw new OctetError(
    'MODEL_UNSUPPORTED',
    `${origin}: expected activations of one sample below ${mostBytes} bytes, got ${bytes}`,
    { hint: 'Calibrate with a smaller input or batch, or leave large layers out with --exclude.' },
  );
}

type Watched = ReadonlyMap<string, Observer>;

/** By its name, one observer for each tensor. */
function observersFor(observer: ObserverName | CustomObserver, tensors: readonly string[]): [string, Watched] {
  const { name, create } = typeof observer === 'string' ? { name: observer, create: observers[observer] } : observer;
  return [name, new Map(tensors.map((tensor) => [tensor, create()]))];
}

/** @param exposed computed tensors, each with the output that gives it; the others are fed. */
async function runOn(
  session: Session,
  feeds: Feeds,
  tensors: readonly string[],
  exposed: ReadonlyMap<string, string>,
): Promise<readonly (readonly [string, Tensor | undefined])[]> {
  const fed = tensors.filter((name) => name in feeds).map((name) => [name, feeds[name]] as const);
  if (exposed.size === 0) return fed;
  const results = await session.run(feeds, [...new Set(exposed.values())]);
  return [...fed, ...Array.from(exposed, ([name, output]) => [name, results[output]] as const)];
}

function checkedValues(name: string, tensor: Tensor | undefined, sample: number): Float32Array {
  if (tensor?.type !== 'float32')
    throw new OctetError('MODEL_UNSUPPORTED', `tensor "${name}": expected float32, got ${tensor?.type ?? 'nothing'}`);
  const { data } = tensor as Tensor<'float32'>;
  // A finite value minus itself is 0; NaN and infinity give NaN, which stays.
  let poison = 0;
  for (let i = 0; i < data.length; i++) poison += data[i]! - data[i]!;
  if (poison === 0) return data;
  const bad = data.find((value) => !Number.isFinite(value));
  throw new OctetError('DATA_INVALID', `sample ${sample}: tensor "${name}": expected finite values, got ${bad}`, {
    hint: 'Remove or repair the samples with NaN or infinity; ranges cannot be taken from them.',
  });
}

function rangesOf(byTensor: Watched, seen: ReadonlySet<string>): Ranges {
  return new Map([...byTensor].filter(([name]) => seen.has(name)).map(([name, observer]) => [name, observer.range()]));
}
