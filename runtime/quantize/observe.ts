/**
 * Observation: streams calibration samples through the float model, one at a time, and keeps of each activation only what
 * its observers keep. So peak memory depends on the model, not on how many samples there are.
 */
import { OctetError } from '../base/errors.ts';
import type { Samples } from '../data/samples.ts';
import { checkFeeds } from '../engine/check-feeds.ts';
import { openSession } from '../engine/session.ts';
import { valueInfo } from '../graph/build.ts';
import type { Model } from '../graph/model.ts';
import { encodeModel } from '../graph/save.ts';
import type { Feeds, Tensor } from '../graph/tensor.ts';
import { type Observer, observers } from './observers/observers.ts';
import type { Ranges } from './place/place.ts';
import type { ObserverName } from './recipe.ts';

export type ObserveOptions = {
  readonly observers: readonly ObserverName[];
  /** Called after each sample with the number of samples seen. */
  readonly onSample?: (seen: number) => void;
  readonly signal?: AbortSignal;
};

/** Ranges by observer. */
export type Observation = ReadonlyMap<ObserverName, Ranges>;

/**
 * @param tensors names of float32 values of the model's graph (inputs included).
 * @throws DATA_MISMATCH when a sample does not fit the model; DATA_INVALID naming the tensor and the sample when a value is
 * NaN or infinite; MODEL_UNSUPPORTED when a tensor is not float32.
 */
export async function observe(
  model: Model,
  tensors: readonly string[],
  samples: Samples,
  { observers: names, onSample, signal }: ObserveOptions,
): Promise<Observation> {
  // Every activation as it is written: optimising would fuse some of them away.
  const session = await openSession(encodeModel(withOutputs(model, tensors)), { level: 'disabled' });
  try {
    const watched = new Map(names.map((name) => [name, new Map(tensors.map((t) => [t, observers[name]()]))]));
    for (let index = 0; index < samples.count; index++) {
      signal?.throwIfAborted();
      const feeds = await samples.feeds(index);
      if (index === 0) checkFeeds(session.inputs, feeds);
      const values = await runOn(session, feeds, tensors);
      for (const [name, tensor] of values) takeIn(name, checkedValues(name, tensor, index), watched.values());
      onSample?.(index + 1);
    }
    return new Map([...watched].map(([name, byTensor]) => [name, rangesOf(byTensor)]));
  } finally {
    await session.close();
  }
}

type Watched = ReadonlyMap<string, Observer>;

async function runOn(
  session: Awaited<ReturnType<typeof openSession>>,
  feeds: Feeds,
  tensors: readonly string[],
): Promise<readonly (readonly [string, Tensor | undefined])[]> {
  const computed = tensors.filter((name) => !(name in feeds));
  const results = computed.length > 0 ? await session.run(feeds, computed) : {};
  return tensors.map((name) => [name, feeds[name] ?? results[name]] as const);
}

function takeIn(name: string, values: Float32Array, watched: Iterable<Watched>): void {
  for (const byTensor of watched) byTensor.get(name)?.add(values);
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

function rangesOf(byTensor: Watched): Ranges {
  return new Map([...byTensor].map(([name, observer]) => [name, observer.range()]));
}

/** The model with these values as outputs. */
function withOutputs(model: Model, tensors: readonly string[]): Model {
  const { graph } = model;
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const present = new Set(graph.outputs.map(({ name }) => name));
  const added = tensors.filter((name) => computed.has(name) && !present.has(name));
  const outputs = [...graph.outputs, ...added.map((name) => valueInfo(name, 'float32'))];
  return { ...model, graph: { ...graph, outputs } };
}
