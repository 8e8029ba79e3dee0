/**
 * Keeps a float node behind int8 float. ONNX Runtime takes a Conv, ConvTranspose or Gemm that reads a dequantised value for one whose
 * weights somebody forgot to quantise: it rounds them to int8, with one scale for all, and runs the node in int8 where its output is
 * quantised, too. It leaves alone what reads a value that was dequantised along an axis, so such a node gets a DequantizeLinear of
 * its own, with the same scale for each channel. Source: onnxruntime, weight_bias_quantization.cc; tested to be needed.
 */
import { int, intAttribute } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import { constantOf } from '../../graph/initializer.ts';
import type { Node } from '../../graph/model.ts';
import { elementTypes, type Tensor } from '../../graph/tensor.ts';
import type { QuantParams } from '../numerics.ts';
import { addInitializer, type Draft } from './draft.ts';

type Channels = { readonly axis: number; readonly count: number };

/** Operator → the channels of its first input, from the shape of its weight. */
const channelsOf: Readonly<Record<string, (node: Node, weight: readonly number[]) => Channels>> = {
  Conv: (node, weight) => ({ axis: 1, count: weight[1]! * intAttribute(node, 'group', 1) }),
  ConvTranspose: (_, weight) => ({ axis: 1, count: weight[0]! }),
  Gemm: (node, weight) => ({
    axis: intAttribute(node, 'transA', 0) ? 0 : 1,
    count: weight[intAttribute(node, 'transB', 0) ? 1 : 0]!,
  }),
};

/**
 * Adds the DequantizeLinear if the node needs one of its own. One channel alone cannot be told from one scale for all.
 * @param quantized the name of `name` in integers; @param domain of the operator, empty or `com.microsoft:`.
 * @returns the name to read.
 */
export function dequantizeToKeepFloat(
  draft: Draft,
  node: Node,
  { name, quantized, params, domain = '' }: { name: string; quantized: string; params: QuantParams; domain?: string },
): string | undefined {
  const weight = constantOf(draft.graph, node.inputs[1] ?? '');
  if (node.domain !== '' || node.inputs[0] !== name || weight?.type !== 'float32') return undefined;
  const channels = weight.dims.length > 1 ? channelsOf[node.opType]?.(node, weight.dims) : undefined;
  if (!channels || channels.count < 2) return undefined;
  const { axis, count } = channels;
  const zeros = new elementTypes[params.type].array(count).fill(params.zeroPoint);
  const scale = { type: 'float32', dims: [count], data: new Float32Array(count).fill(params.scale) } as const;
  const inputs = [
    quantized,
    addInitializer(draft, `${name}_scales`, scale),
    addInitializer(draft, `${name}_zero_points`, { type: params.type, dims: [count], data: zeros } as Tensor),
  ];
  const output = draft.workshop.fresh(`${name}_for_${node.name}`);
  draft.nodes.push(makeNode(`${domain}DequantizeLinear`, inputs, [output], { axis: int(axis) }, output));
  return output;
}
