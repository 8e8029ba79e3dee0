/**
 * The verifier: asks ONNX Runtime for its optimised graph and reads off which units became integer kernels. Whether a
 * pattern fuses is the runtime's decision alone, so nothing here predicts it.
 */
import { optimizeModel } from '../../engine/optimize.ts';
import { linksOf } from '../../graph/links.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { allGraphs } from '../bodies/map-graphs.ts';

/** Where a unit's integer kernel would show. */
export type Mark = {
  /** The value of the transformed graph that the kernel computes. */
  readonly value: string;
  /** Whether that value is int8: QuantizeLinear computes it unless the pattern fuses. */
  readonly isQuantized: boolean;
};

/** By unit's node name. */
export type Marks = ReadonlyMap<string, Mark>;

export type Kernel = { readonly opType: string; readonly isInteger: boolean };

/** By unit's node name: the operator that computes its mark in the optimised graph. */
export type Kernels = ReadonlyMap<string, Kernel>;

/**
 * Which kernel runs each unit.
 * @param bytes the transformed model; @param graph its graph.
 * @throws what `optimizeModel` throws. Opens a session.
 */
export async function readKernels(bytes: Uint8Array, graph: Graph, marks: Marks): Promise<Kernels> {
  // `extended` has every fusion and keeps the names of values, which `layout` does not.
  // Elsewhere than on ARM it would also turn int8 activations into uint8, with other names but the same kernels.
  const optimized = await optimizeModel(bytes, 'extended', { config: { 'session.qdqisint8allowed': '1' } });
  const producers = new Map(allGraphs(optimized.graph).flatMap((part) => [...linksOf(part).producers]));
  const consumers = new Map(allGraphs(graph).flatMap((part) => [...linksOf(part).consumers]));
  return new Map(Array.from(marks, ([node, mark]) => [node, kernelOf(mark, producers, consumers)]));
}

type Producers = ReadonlyMap<string, Node>;
type Consumers = ReadonlyMap<string, readonly Node[]>;

/** Operators whose name says that they compute with integers, whatever they give. */
const integerKernel = /^(Q[A-Z]|MatMulInteger|MatMulNBits|DynamicQuantize(MatMul|LSTM))/;

function kernelOf({ value, isQuantized }: Mark, producers: Producers, consumers: Consumers): Kernel {
  const opType = findProducer(value, producers, consumers)?.opType ?? 'nothing';
  const isMadeInInt8 = isQuantized && producers.has(value) && opType !== 'QuantizeLinear';
  return { opType, isInteger: integerKernel.test(opType) || isMadeInInt8 };
}

/** What computes a value; when a fusion swallowed the value (a bias, an activation function), what computes its only use. */
function findProducer(value: string, producers: Producers, consumers: Consumers): Node | undefined {
  const producer = producers.get(value);
  const [next, ...others] = consumers.get(value) ?? [];
  if (producer || !next || others.length > 0 || next.opType === 'DequantizeLinear') return producer;
  return findProducer(next.outputs[0]!, producers, consumers);
}
