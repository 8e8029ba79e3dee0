/**
 * Functions of one quantised tensor: back to float32, the function, and to integers again. ONNX Runtime tabulates the same
 * three steps for the 256 possible values.
 */
import { floatAttribute, intAttribute } from '../attributes.ts';
import { clamp, integerRanges, roundHalfEven } from '../integers.ts';
import type { Node } from '../model.ts';
import { dequantize, type QuantizedTensor, quantize } from '../quantized-tensor.ts';
import { elementTypes, type Tensor } from '../tensor.ts';
import { axisFrom, type Kernel, kernelError, type OutputParameters, outputAt, quantizedAt } from './kernel.ts';
import { permuted } from './rearrange.ts';

/** (x, s, z, y scale, y zero point) → y, `1 / (1 + e⁻ˣ)`. ONNX Runtime, contrib_ops/cpu/quantization/qlinear_activations.cc. */
export const qLinearSigmoid: Kernel = tabulated(() => (x) => 1 / (1 + Math.exp(-x)));

/** The same inputs → `x ≥ 0 ? x : alpha · x`, `alpha` 0.01 by default. Same file. */
export const qLinearLeakyRelu: Kernel = tabulated((node) => {
  const alpha = floatAttribute(node, 'alpha', Math.fround(0.01));
  return (x) => (x >= 0 ? x : alpha * x);
});

/**
 * (x, s, z, y scale, y zero point) → y, `round(e^(s(x − max)) / Σ · ⌊1 / s_y⌋) + z_y` along `axis` (from opset 13; before, over
 * all axes from `axis` on). `opset` is an attribute. ONNX Runtime, contrib_ops/cpu/quantization/qlinear_softmax.cc.
 */
export const qLinearSoftmax: Kernel = (inputs, node) => {
  const x = quantizedAt(inputs, node, 0);
  const y = outputAt(inputs, node, { scale: 3, zeroPoint: 4 }, x.tensor.type);
  const opset = intAttribute(node, 'opset');
  if (opset === undefined) throw kernelError(node, 'attribute opset: expected an int, got nothing');
  const { dims } = x.tensor;
  const axis = axisFrom(intAttribute(node, 'axis', opset < 13 ? 1 : -1), dims.length);
  if (opset < 13)
    return [
      softmaxRows(
        x,
        y,
        dims.slice(axis).reduce((product, size) => product * size, 1),
      ),
    ];
  const swap = dims.map((_, i) => (i === axis ? dims.length - 1 : i === dims.length - 1 ? axis : i));
  const rows = softmaxRows({ ...x, tensor: permuted(x.tensor, swap) }, y, dims[axis]!);
  return [permuted(rows, swap)];
};

/** Softmax of every `length` neighbours. */
function softmaxRows({ tensor, scale }: QuantizedTensor, y: OutputParameters, length: number): Tensor {
  const steps = Math.floor(Math.fround(1 / y.scale));
  const data = new elementTypes[y.type].array(tensor.data.length);
  for (let start = 0; start < data.length; start += length) {
    const row = tensor.data.subarray(start, start + length);
    const max = Math.max(...row);
    const powers = Float32Array.from(row, (value) => Math.exp((value - max) * scale[0]!));
    const sum = powers.reduce((total, power) => Math.fround(total + power), 0);
    for (const [i, power] of powers.entries())
      data[start + i] = clamp(roundHalfEven((power * steps) / sum) + y.zeroPoint, integerRanges[y.type]);
  }
  return { type: y.type, dims: tensor.dims, data } as Tensor;
}

function tabulated(functionOf: (node: Node) => (x: number) => number): Kernel {
  return (inputs, node) => {
    const x = dequantize(quantizedAt(inputs, node, 0));
    const { type, scale, zeroPoint } = outputAt(
      inputs,
      node,
      { scale: 3, zeroPoint: 4 },
      quantizedAt(inputs, node, 0).tensor.type,
    );
    const y = { ...x, data: x.data.map(functionOf(node)) };
    return [quantize(y, type, { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) }).tensor];
  };
}
