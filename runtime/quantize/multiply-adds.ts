/**
 * How much arithmetic a node is: multiply-adds from the shapes of what it reads and gives, of operators that have weights or
 * multiply matrices, float and quantised. One line per operator.
 */
import { intAttribute } from '../graph/attributes.ts';
import type { Node } from '../graph/model.ts';
import { elementCount } from '../graph/tensor.ts';

type Dims = readonly number[];

/** @param shapes of the node's inputs by position, undefined where unknown; @param output of its first output. */
type Count = (shapes: readonly (Dims | undefined)[], output: Dims, node: Node) => number | undefined;

const counts: Readonly<Record<string, Count>> = {
  // Every output value sums over the kernel.
  Conv: ([, weight], output) => convolution(weight, output),
  ConvInteger: ([, weight], output) => convolution(weight, output),
  FusedConv: ([, weight], output) => convolution(weight, output),
  QLinearConv: ([, , , weight], output) => convolution(weight, output),
  // Every input value is spread by the kernel: weights are [channels, filters of a group, …kernel].
  ConvTranspose: ([x, weight]) => convolution(weight, x),
  MatMul: ([a], output) => matrixProduct(a?.at(-1), output),
  MatMulInteger: ([a], output) => matrixProduct(a?.at(-1), output),
  MatMulNBits: ([a], output) => matrixProduct(a?.at(-1), output),
  QLinearMatMul: ([a], output) => matrixProduct(a?.at(-1), output),
  Gemm: ([a], output, node) => matrixProduct(a?.at(intAttribute(node, 'transA', 0) ? 0 : 1), output),
  QGemm: ([a], output, node) => matrixProduct(a?.at(intAttribute(node, 'transA', 0) ? 0 : 1), output),
  LSTM: ([x, w, r]) => recurrent(x, w, r),
  GRU: ([x, w, r]) => recurrent(x, w, r),
  RNN: ([x, w, r]) => recurrent(x, w, r),
  DynamicQuantizeLSTM: ([x, w, r]) => recurrent(x, w, r),
  // ONNX's own takes queries and keys; ONNX Runtime's projects them first.
  Attention: ([x, second], output, { domain }) => (domain ? attention(x, second) : mixture(x, second, output)),
  QAttention: ([x, weight]) => attention(x, weight),
};

/**
 * Multiply-adds of one call; 0 for operators that are not counted in them (activation functions, additions, reshapes),
 * undefined when a shape is missing.
 */
export function multiplyAdds(node: Node, shapeOf: (name: string) => Dims | undefined): number | undefined {
  const count = counts[node.opType];
  if (!count) return 0;
  const output = shapeOf(node.outputs.find(Boolean) ?? '');
  return output && count(node.inputs.map(shapeOf), output, node);
}

/** Weights are [filters, channels of a group, …kernel]. */
function convolution(weight: Dims | undefined, values: Dims | undefined): number | undefined {
  return weight && values && elementCount(values) * elementCount(weight.slice(1));
}

function matrixProduct(inner: number | undefined, output: Dims): number | undefined {
  return inner === undefined ? undefined : elementCount(output) * inner;
}

/** x is [steps, batch, size]; each step multiplies with all of both weights. */
function recurrent(x: Dims | undefined, w: Dims | undefined, r: Dims | undefined): number | undefined {
  return x && w && r && x[0]! * x[1]! * (elementCount(w) + elementCount(r));
}

/** Every query meets every key of its head, then every value; all are [batch, …heads, length, width], without a past. */
function mixture(queries: Dims | undefined, keys: Dims | undefined, output: Dims): number | undefined {
  return queries && keys && (elementCount(queries) + elementCount(output)) * keys.at(-2)!;
}

/** Projections, scores, and their mixture; x is [batch, length, width], weights [width, 3 · width]: queries, keys, values. */
function attention(x: Dims | undefined, weight: Dims | undefined): number | undefined {
  if (!x || !weight) return undefined;
  const [batch = 1, length = 1] = x;
  return batch * length * (elementCount(weight) + 2 * length * (weight[1]! / 3));
}
