/**
 * All reference kernels in one table, by `domain:operator`. A model quantised in the QDQ form runs on the first two; the
 * others are what ONNX Runtime fuses it into.
 */
import type { Node } from '../model.ts';
import type { Feeds, Tensor } from '../tensor.ts';
import { qLinearLeakyRelu, qLinearSigmoid, qLinearSoftmax } from './activations.ts';
import { channelsLast } from './channels-last.ts';
import { convInteger, qLinearConv } from './convolution.ts';
import { qLinearAdd, qLinearMul } from './elementwise.ts';
import { type Kernel, unsupportedError } from './kernel.ts';
import { dynamicQuantizeMatMul, matMulInteger, matMulIntegerToFloat, qGemm, qLinearMatMul } from './matrix.ts';
import { maxPool, qLinearAveragePool, qLinearGlobalAveragePool } from './pooling.ts';
import { dequantizeLinear, dynamicQuantizeLinear, quantizeLinear } from './quantize-linear.ts';
import { concat, flatten, identity, qLinearConcat, reshape, squeeze, transpose, unsqueeze } from './rearrange.ts';

export const kernels: Readonly<Record<string, Kernel>> = {
  ':QuantizeLinear': quantizeLinear,
  ':DequantizeLinear': dequantizeLinear,
  ':DynamicQuantizeLinear': dynamicQuantizeLinear,
  ':ConvInteger': convInteger,
  ':QLinearConv': qLinearConv,
  ':MatMulInteger': matMulInteger,
  ':QLinearMatMul': qLinearMatMul,
  ':MaxPool': maxPool,
  ':Identity': identity,
  ':Transpose': transpose,
  ':Reshape': reshape,
  ':Flatten': flatten,
  ':Squeeze': squeeze,
  ':Unsqueeze': unsqueeze,
  ':Concat': concat,
  'com.microsoft:QuantizeLinear': quantizeLinear,
  'com.microsoft:DequantizeLinear': dequantizeLinear,
  'com.microsoft:QLinearConv': qLinearConv,
  'com.microsoft:NhwcMaxPool': channelsLast(maxPool),
  'com.microsoft:MatMulIntegerToFloat': matMulIntegerToFloat,
  'com.microsoft:DynamicQuantizeMatMul': dynamicQuantizeMatMul,
  'com.microsoft:QGemm': qGemm,
  'com.microsoft:QLinearAdd': qLinearAdd,
  'com.microsoft:QLinearMul': qLinearMul,
  'com.microsoft:QLinearConcat': qLinearConcat,
  'com.microsoft:QLinearAveragePool': qLinearAveragePool,
  'com.microsoft:QLinearGlobalAveragePool': qLinearGlobalAveragePool,
  'com.microsoft:QLinearSigmoid': qLinearSigmoid,
  'com.microsoft:QLinearLeakyRelu': qLinearLeakyRelu,
  'com.microsoft:QLinearSoftmax': qLinearSoftmax,
};

/** The node's kernel, or undefined when there is none. */
export function kernelOf({ domain, opType }: Node): Kernel | undefined {
  const key = `${domain === 'ai.onnx' ? '' : domain}:${opType}`;
  return Object.hasOwn(kernels, key) ? kernels[key] : undefined;
}

/**
 * What the node makes of `values`, by the names of its outputs.
 * @throws MODEL_UNSUPPORTED without a kernel; what the kernel throws.
 */
export function runNode(node: Node, values: Feeds): Feeds {
  const kernel = kernelOf(node);
  if (!kernel) throw unsupportedError(node, 'expected an operator with a reference kernel, got none');
  const inputs = node.inputs.map((name): Tensor | undefined => values[name]);
  const outputs = kernel(inputs, node);
  return Object.fromEntries(node.outputs.flatMap((name, i) => (name === '' ? [] : [[name, outputs[i]!]])));
}
