/**
 * Which single weights stay (1) and which become zero (0): those of least magnitude go, over all layers or in each. A pure function.
 * Zeros make a model compress better and nothing else: ONNX Runtime multiplies by them like by any number.
 */
import { OctetError } from '../../base/errors.ts';
import { constantOf, readTensor } from '../../graph/initializer.ts';
import type { Graph } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { randomFrom } from './random.ts';

/** By the weight's name, of its shape. */
export type Masks = ReadonlyMap<string, Tensor<'float32'>>;

export type MaskChoice = {
  /** Share of all weights that may go. */
  readonly ratio: number;
  readonly scope: 'global' | 'layer';
  /** Chance instead of magnitude; the seed of it. */
  readonly randomSeed?: number;
  /** Whether a layer keeps all weights. */
  isExcluded(node: string): boolean;
};

/** Operator → inputs that are weights where they are constant. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  Conv: [1],
  ConvTranspose: [1],
  Gemm: [1],
  MatMul: [0, 1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};

/** The float32 weights of layers, of two axes or more; what several nodes share is there once. */
export function layerWeights(graph: Graph, isExcluded: (node: string) => boolean = () => false): readonly string[] {
  const layers = graph.nodes.filter(({ domain, name }) => domain === '' && !isExcluded(name));
  const named = layers.flatMap(({ opType, inputs }) =>
    (weightInputs[opType] ?? []).map((input) => inputs[input] ?? ''),
  );
  return [...new Set(named)].filter((name) => {
    const stored = constantOf(graph, name);
    return stored?.type === 'float32' && stored.dims.length > 1;
  });
}

/** @throws RECIPE_INVALID when a layer would keep no weight, naming the largest possible ratio. */
export function chooseMasks(graph: Graph, { ratio, scope, randomSeed, isExcluded }: MaskChoice): Masks {
  const names = layerWeights(graph, isExcluded);
  const random = randomSeed === undefined ? undefined : randomFrom(randomSeed);
  const scores = names.map((name) => {
    const { data } = readTensor(constantOf(graph, name)!) as Tensor<'float32'>;
    // What is zero already stays so, whatever chance says.
    return data.map((value) => (random && value !== 0 ? random() : Math.abs(value)));
  });
  refuseEmptying(scores, ratio, scope);
  const pools = scope === 'global' ? [scores] : scores.map((each) => [each]);
  const masked = pools.flatMap((pool) => masksOf(pool, ratio));
  return new Map(
    names.map((name, at) => [
      name,
      { type: 'float32', dims: constantOf(graph, name)!.dims, data: masked[at]! } as const,
    ]),
  );
}

/** The least of all in the pool become 0; of equals the first. */
function masksOf(pool: readonly Float32Array[], ratio: number): Float32Array<ArrayBuffer>[] {
  const all = pool.flatMap((scores) => Array.from(scores)).sort((a, b) => a - b);
  const going = Math.floor(ratio * all.length);
  const threshold = all[going] ?? Number.POSITIVE_INFINITY;
  let equals = going - all.filter((score) => score < threshold).length;
  return pool.map((scores) =>
    Float32Array.from(scores, (score) => {
      if (score !== threshold) return score < threshold ? 0 : 1;
      equals -= 1;
      return equals >= 0 ? 0 : 1;
    }),
  );
}

/** Of several layers together, one may lose all that it has; of each layer by itself something is always left. */
function refuseEmptying(scores: readonly Float32Array[], ratio: number, scope: MaskChoice['scope']): void {
  if (scope === 'layer') return;
  const total = scores.reduce((sum, { length }) => sum + length, 0);
  const possible = Math.min(...scores.map((_, at) => placeOfLargest(scores, at) - 1));
  if (scores.length > 0 && Math.floor(ratio * total) <= possible) return;
  const most = scores.length > 0 ? Math.floor((possible / total) * 1000) / 1000 : 0;
  throw new OctetError(
    'RECIPE_INVALID',
    `ratio: expected at most ${most}, got ${ratio}, which would leave a layer without weights`,
    { hint: `Ask for at most ${most}, or prune each layer by itself (--scope layer).` },
  );
}

/** How many have gone when the last of one layer goes. */
function placeOfLargest(scores: readonly Float32Array[], layer: number): number {
  const largest = scores[layer]!.reduce((a, b) => Math.max(a, b), 0);
  const count = (each: Float32Array, goes: (score: number) => boolean) =>
    each.reduce((sum, score) => sum + (goes(score) ? 1 : 0), 0);
  return scores.reduce(
    (sum, each, at) => sum + count(each, (score) => score < largest || (score === largest && at <= layer)),
    0,
  );
}
