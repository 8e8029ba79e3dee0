/**
 * The error of a quantised model, layer by layer: both models run side by side on the same samples, and of each pair of
 * tensors only sums are kept, so that memory does not grow with the number of samples.
 */

import { OctetError } from '../../base/errors.ts';
import type { Samples } from '../../data/samples.ts';
import { checkFeeds } from '../../engine/check-feeds.ts';
import { openSession, type Session } from '../../engine/session.ts';
import type { Model, Node } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import { openExposed } from '../exposed-session.ts';
import type { Range } from '../numerics.ts';
import { type ErrorMeter, errorMeter, type TensorError } from './error-meter.ts';
import { rangeOfParams } from './integer-values.ts';
import { nodeName } from './outcomes-of.ts';
import { rescaledMeter } from './rescaled-meter.ts';
import { type HistogramMeter, histogramMeter, type TensorHistogram } from './tensor-histogram.ts';
import { pairTensors, type TensorPair } from './tensor-pairs.ts';
import { type WeightError, weightErrors } from './weight-errors.ts';

export type LayerError = TensorError & {
  /** Node of the float model; empty for an input of the model. */
  readonly node: string;
  readonly opType: string;
  /** The value compared. */
  readonly tensor: string;
  /** What its integers can represent; null where it stays float. */
  readonly range: Range | null;
  /** How the float values are distributed; only when asked for. */
  readonly histogram: TensorHistogram | null;
  readonly weights: WeightError | null;
  /** The least SQNR among what the layer reads, at most what 8 bits can reach; how much it loses of that is its own doing. */
  readonly inputSqnrDb: number;
};

export type Comparison = {
  readonly samples: number;
  readonly description: string;
  /** In order of execution. */
  readonly layers: readonly LayerError[];
  /** The models' outputs as they really run, with every fusion. */
  readonly outputs: readonly (TensorError & { readonly tensor: string })[];
};

export type CompareOptions = {
  readonly histograms?: boolean;
  /**
   * The recipe rescaled channels between layers (`equalize`, `absorbBias`): inner tensors are compared up to a factor and an
   * offset for each channel, and weights not at all. Default: what the recipe beside the quantised model says, else false.
   */
  readonly rescaled?: boolean;
  /** @param fraction 0 to 1. */
  readonly onProgress?: (fraction: number, detail: string) => void;

  readonly signal?: AbortSignal;
};

/**
 * @param float the model before, @param quantized the model made from it; tensors are paired by name.
 * @throws DATA_MISMATCH when a sample does not fit; MODEL_UNSUPPORTED when the models have no tensor in common; the signal's reason.
 * Opens four sessions: a long-lived process leaves it to a child.
 */
export async function compareModels(
  float: Model,
  quantized: Model,
  samples: Samples,
  { histograms = false, rescaled = false, onProgress, signal }: CompareOptions = {},
): Promise<Comparison> {
  const pairs = pairTensors(float.graph, quantized.graph);
  if (pairs.length === 0) throw nothingInCommon(quantized);
  const watched = pairs.map((pair) => watch(pair, histograms, rescaled && !isOuter(pair, float)));
  const sessions = await openBoth(float, quantized, pairs);
  const outputs = sessions.float.outputs
    .filter(({ type }) => type === 'float32')
    .map(({ name }) => ({ name, meter: errorMeter() }));
  try {
    for (let index = 0; index < samples.count; index++) {
      signal?.throwIfAborted();
      const feeds = await samples.feeds(index);
      if (index === 0) checkFeeds(sessions.float.inputs, feeds);
      await addSample(sessions, feeds, watched);
      const [exact, rounded] = [await sessions.float.run(feeds), await sessions.quantized.run(feeds)];
      for (const { name, meter } of outputs) addPair(meter, exact[name], rounded[name]);
      onProgress?.((index + 1) / samples.count, `compared ${index + 1} of ${samples.count} samples`);
    }
  } finally {
    for (const session of Object.values(sessions)) await session.close();
  }
  return {
    samples: samples.count,
    description: samples.description,
    layers: layersFrom(watched, float, rescaled ? new Map() : weightErrors(float.graph, quantized.graph)),
    outputs: outputs.map(({ name, meter }) => ({ tensor: name, ...meter.error() })),
  };
}

type Watched = {
  readonly pair: TensorPair;
  readonly meter: ErrorMeter;
  readonly histogram: HistogramMeter | undefined;
};

function watch(pair: TensorPair, histograms: boolean, rescaled: boolean): Watched {
  const meter = rescaled ? rescaledMeter(pair.params) : errorMeter(pair.params);
  // A range of rescaled channels has nothing to do with the float values.
  return { pair, meter, histogram: histograms && !rescaled ? histogramMeter() : undefined };
}

/** What goes in and comes out is never rescaled. */
function isOuter({ float: name, node }: TensorPair, { graph }: Model): boolean {
  return node === undefined || graph.outputs.some((output) => output.name === name);
}

type Sessions = Readonly<Record<'float' | 'quantized' | 'exposedFloat' | 'exposedQuantized', Session>>;

async function openBoth(float: Model, quantized: Model, pairs: readonly TensorPair[]): Promise<Sessions> {
  return {
    float: await openSession(encodeModel(float)),
    quantized: await openSession(encodeModel(quantized)),
    exposedFloat: await openExposed(
      float,
      pairs.map((pair) => pair.float),
    ),
    exposedQuantized: await openExposed(
      quantized,
      pairs.map((pair) => pair.quantized),
    ),
  };
}

async function addSample(sessions: Sessions, feeds: Feeds, watched: readonly Watched[]): Promise<void> {
  const exact = await valuesOf(
    sessions.exposedFloat,
    feeds,
    watched.map(({ pair }) => pair.float),
  );
  const rounded = await valuesOf(
    sessions.exposedQuantized,
    feeds,
    watched.map(({ pair }) => pair.quantized),
  );
  for (const { pair, meter, histogram } of watched) {
    const values = exact[pair.float];
    if (values?.type !== 'float32') continue;
    addPair(meter, values, rounded[pair.quantized]);
    histogram?.add(values.data as Float32Array);
  }
}

async function valuesOf(session: Session, feeds: Feeds, names: readonly string[]): Promise<Record<string, Tensor>> {
  const readable = new Set(session.outputs.filter(({ type }) => type !== undefined).map(({ name }) => name));
  const computed = [...new Set(names)].filter((name) => readable.has(name));
  return { ...feeds, ...(computed.length > 0 ? await session.run(feeds, computed) : {}) };
}

function addPair(meter: ErrorMeter, exact: Tensor | undefined, rounded: Tensor | undefined): void {
  if (exact && rounded) meter.add(exact.data as Float32Array, rounded.data as Float32Array, exact.dims);
}

/**
 * What 8 bits usually leave of an activation whose range holds its rare large values, too; a better input counts as this good,
 * or the first rounding would always look like the worst.
 */
const eightBitsDb = 40;

function layersFrom(watched: readonly Watched[], float: Model, weights: ReadonlyMap<Node, WeightError>): LayerError[] {
  const measured = watched.filter(({ meter }) => meter.error().values > 0);
  const sqnr = new Map(measured.map(({ pair, meter }) => [pair.float, meter.error().sqnrDb]));
  const inputOf = inputQuality(float, sqnr);
  return measured.map(({ pair, meter, histogram }) => {
    const layer = pair.node && layerOf(pair.node, float, sqnr);
    return {
      ...meter.error(),
      node: layer ? nodeName(layer) : '',
      opType: layer?.opType ?? 'input',
      tensor: pair.float,
      range: pair.params ? rangeOfParams(pair.params) : null,
      histogram: histogram?.histogram() ?? null,
      weights: (layer && weights.get(layer)) ?? null,
      inputSqnrDb: inputOf(pair.node),
    };
  });
}

/** A Relu or Clip that became the end of a layer's range stands for that layer. */
function layerOf(node: Node, float: Model, compared: ReadonlyMap<string, number>): Node {
  const [input = ''] = node.inputs;
  if ((node.opType !== 'Relu' && node.opType !== 'Clip') || compared.has(input)) return node;
  return float.graph.nodes.find(({ outputs }) => outputs.includes(input)) ?? node;
}

/** Goes upstream past values that were not compared. */
function inputQuality(float: Model, sqnr: ReadonlyMap<string, number>): (node: Node | undefined) => number {
  const producers = new Map(float.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const known = new Map<string, number>();
  const qualityOf = (name: string): number => {
    const before = sqnr.get(name) ?? known.get(name);
    if (before !== undefined) return before;
    const producer = producers.get(name);
    const quality = producer ? ofNode(producer) : eightBitsDb;
    known.set(name, quality);
    return quality;
  };
  const ofNode = (node: Node) => node.inputs.reduce((least, name) => Math.min(least, qualityOf(name)), eightBitsDb);
  return (node) => (node ? ofNode(node) : eightBitsDb);
}

function nothingInCommon({ origin }: Model): OctetError {
  return new OctetError('MODEL_UNSUPPORTED', `${origin}: expected tensors with names of the float model, got none`, {
    hint: 'Compare a model with the one it was made from: octet inspect FLOAT.onnx INT8.onnx --data DATA',
  });
}
