/** Weights drawn anew, from a seed, by the part they play. */
import { intAttribute } from '../../graph/attributes.ts';
import { constantOf } from '../../graph/initializer.ts';
import type { Model, Node } from '../../graph/model.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';
import { withWeights } from '../with-weights.ts';

type Draw = (dims: readonly number[], random: () => number, node: Node) => Float32Array<ArrayBuffer>;

const filled =
  (value: number): Draw =>
  (dims) =>
    new Float32Array(elementCount(dims)).fill(value);

/** Normal with variance 2/fan-in, so that Relu keeps the size of values from layer to layer. Source: He et al. 2015, eq. 10. */
const he =
  (fanIn: (dims: readonly number[], node: Node) => number): Draw =>
  (dims, random, node) => {
    const deviation = Math.sqrt(2 / fanIn(dims, node));
    return Float32Array.from({ length: elementCount(dims) }, () => normal(random) * deviation);
  };

/** Uniform within ±1/√units. Source: the default of PyTorch's recurrent layers. */
const recurrent: Draw = (dims, random, node) => {
  const bound = 1 / Math.sqrt(intAttribute(node, 'hidden_size', dims.at(-1)!));
  return Float32Array.from({ length: elementCount(dims) }, () => (random() * 2 - 1) * bound);
};

const small: Draw = (dims, random) => Float32Array.from({ length: elementCount(dims) }, () => normal(random) * 0.02);

/** By operator and input. What is not listed keeps its value. */
const draws: Readonly<Record<string, Readonly<Record<number, Draw>>>> = {
  Conv: { 1: he((dims) => elementCount(dims.slice(1))), 2: filled(0) },
  ConvTranspose: { 1: he((dims) => dims[0]! * elementCount(dims.slice(2))), 2: filled(0) },
  Gemm: { 1: he((dims, node) => (intAttribute(node, 'transB', 0) ? dims[1]! : dims[0]!)), 2: filled(0) },
  MatMul: { 1: he((dims) => dims.at(-2) ?? 1) },
  Add: { 0: filled(0), 1: filled(0) },
  Gather: { 0: small },
  BatchNormalization: { 1: filled(1), 2: filled(0), 3: filled(0), 4: filled(1) },
  LayerNormalization: { 1: filled(1), 2: filled(0) },
  LSTM: { 1: recurrent, 2: recurrent, 3: filled(0) },
  GRU: { 1: recurrent, 2: recurrent, 3: filled(0) },
};

/** The model with new weights: the same for a seed. Scalars that are added are part of the form, and stay. */
export function initialise(model: Model, seed: number): Model {
  const random = xorshift(seed);
  const drawn = new Map<string, Tensor>();
  for (const node of model.graph.nodes)
    for (const [index, name] of node.inputs.entries()) {
      const draw = node.domain === '' ? draws[node.opType]?.[index] : undefined;
      const stored = draw && name !== '' ? constantOf(model.graph, name) : undefined;
      if (!draw || stored?.type !== 'float32' || drawn.has(name)) continue;
      if (node.opType === 'Add' && elementCount(stored.dims) < 2) continue;
      drawn.set(name, { type: 'float32', dims: stored.dims, data: draw(stored.dims, random, node) });
    }
  return withWeights(model, drawn);
}

/** Box and Muller 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Marsaglia's xorshift32: in [0, 1). */
function xorshift(seed: number): () => number {
  let state = Math.imul(seed + 1, 2654435761) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
