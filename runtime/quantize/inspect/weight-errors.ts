/** How far each quantised weight is from the float one: pairs by name, because every quantiser names weights after weights. */
import { intAttribute } from '../../graph/attributes.ts';
import { constantOf, constantTensor, readTensor } from '../../graph/initializer.ts';
import type { IntegerType } from '../../graph/integers.ts';
import { integerRanges } from '../../graph/integers.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { dequantize, type QuantizedTensor } from '../../graph/quantized-tensor.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';
import { errorMeter, type TensorError } from './error-meter.ts';

export type WeightError = Pick<TensorError, 'sqnrDb'> & {
  readonly weight: string;
  /** Whether each output channel has a scale of its own. */
  readonly perChannel: boolean;
};

/** By node of the float model: the worst of its weights (biases and other vectors left out). */
export function weightErrors(float: Graph, quantized: Graph): ReadonlyMap<Node, WeightError> {
  const stored = storedWeights(quantized);
  const found = new Map<Node, WeightError>();
  for (const node of float.nodes) {
    const errors = node.inputs.flatMap((name) => errorOf(name, float, stored) ?? []);
    const [worst] = errors.sort((a, b) => a.sqnrDb - b.sqnrDb);
    if (worst) found.set(node, worst);
  }
  return found;
}

function errorOf(name: string, float: Graph, stored: ReadonlyMap<string, QuantizedTensor>): WeightError | undefined {
  const quantized = name ? stored.get(name) : undefined;
  const constant = quantized && constantOf(float, name);
  if (!quantized || constant?.type !== 'float32' || constant.dims.length < 2) return undefined;
  // Recurrent kernels want their weights transposed; those are compared through what the layer gives.
  if (String(constant.dims) !== String(quantized.tensor.dims)) return undefined;
  const meter = errorMeter();
  meter.add(readTensor(constant).data as Float32Array, dequantize(quantized).data, constant.dims);
  const { sqnrDb } = meter.error();
  return { weight: name, sqnrDb, perChannel: quantized.scale.length > 1 };
}

/** Quantised constants by the float name they are made from. */
function storedWeights(graph: Graph): ReadonlyMap<string, QuantizedTensor> {
  const found = new Map<string, QuantizedTensor>();
  for (const node of graph.nodes.filter(({ opType }) => opType === 'DequantizeLinear')) {
    const [values = '', scale = '', zero = ''] = node.inputs;
    keep(found, values, assemble(graph, values, scale, zero, intAttribute(node, 'axis', 1)));
  }
  // Integer operators read weights as they are; the constants beside them follow the same naming.
  for (const values of graph.initializers.keys()) {
    const stem = values.replace(/_quantized$/, '');
    if (stem === values || found.has(stem)) continue;
    keep(found, values, assemble(graph, values, `${stem}_scale`, `${stem}_zero_point`, undefined));
  }
  return found;
}

function keep(found: Map<string, QuantizedTensor>, values: string, tensor: QuantizedTensor | undefined): void {
  const stem = values.replace(/_quantized_*$/, '');
  if (!tensor) return;
  found.set(stem, tensor);
  // A weight that two nodes share is stored once for each: `node/weight`.
  const shared = stem.split('/').at(-1)!;
  if (!found.has(shared)) found.set(shared, tensor);
}

/** @param axis of the scales; undefined when unknown: then the only axis that is as long as they are, for a convolution the first. */
function assemble(
  graph: Graph,
  values: string,
  scaleName: string,
  zeroName: string,
  axis: number | undefined,
): QuantizedTensor | undefined {
  const [tensor, scale, zero] = [values, scaleName, zeroName].map((name) =>
    name ? constantTensor(graph, name) : undefined,
  );
  if (!tensor || !(tensor.type in integerRanges) || scale?.type !== 'float32') return undefined;
  const count = elementCount(scale.dims);
  const fitting = tensor.dims.flatMap((size, at) => (size === count ? [at] : []));
  const along = axis ?? (fitting.length === 1 || tensor.dims.length > 2 ? fitting[0] : undefined);
  if (count > 1 && (along === undefined || tensor.dims.at(along) !== count)) return undefined;
  return {
    tensor: tensor as Tensor<IntegerType>,
    scale: scale.data as Float32Array<ArrayBuffer>,
    zeroPoint: zero ? Int32Array.from(zero.data, Number) : new Int32Array(count),
    axis: count > 1 ? (along! + tensor.dims.length) % tensor.dims.length : undefined,
  };
}
