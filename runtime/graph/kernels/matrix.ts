/** Matrix products of integers. Leading axes are batches and stretch to each other, as in numpy's matmul. */
import { floatAttribute, intAttribute } from '../attributes.ts';
import { broadcastDims, broadcastIndex } from '../broadcast.ts';
import type { Node } from '../model.ts';
import type { QuantizedTensor } from '../quantized-tensor.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { dotProduct } from './accumulate.ts';
import {
  type Inputs,
  inputAt,
  integerOperands,
  type Kernel,
  kernelError,
  type Operand,
  outputAt,
  quantizedAt,
  quantizedFrom,
} from './kernel.ts';
import { quantizeDynamically } from './quantize-linear.ts';
import { permuted } from './rearrange.ts';
import { multipliers, requantize, scaleToFloat } from './requantize.ts';

/** (a […, M, K], b […, K, N], a zero point, b zero point: one or N) → int32 […, M, N]. ONNX MatMulInteger-10. */
export const matMulInteger: Kernel = (inputs, node) => {
  const [a, b] = integerOperands(inputs, node);
  return [multiply(a, b, node)];
};

/**
 * (a, s, z, b, s, z, y scale, y zero point) → y, `clip(round(acc · s_a · s_b / s_y) + z_y)`; b's parameters are one or N.
 * ONNX QLinearMatMul-21; ONNX Runtime, core/providers/cpu/quantization/quantize_linear_matmul.cc.
 */
export const qLinearMatMul: Kernel = (inputs, node) => {
  const a = quantizedAt(inputs, node, 0);
  const b = quantizedAt(inputs, node, 3);
  const y = outputAt(inputs, node, { scale: 6, zeroPoint: 7 }, a.tensor.type);
  const sums = multiply(a, b, node);
  return [requantize(sums, multipliers(a.scale[0]!, b.scale, y.scale), sums.dims.length - 1, y)];
};

/**
 * (a, b, a scale, b scale, a zero point, b zero point, float bias [N]?) → float32 […, M, N], `float(acc) · (s_a · s_b) + bias`.
 * ONNX Runtime, contrib_ops/cpu/quantization/dynamic_quantize_matmul.cc.
 */
export const matMulIntegerToFloat: Kernel = (inputs, node) => {
  const a = quantizedFrom(inputs, node, { values: 0, scale: 2, zeroPoint: 4 });
  const b = quantizedFrom(inputs, node, { values: 1, scale: 3, zeroPoint: 5 });
  return [toFloat(a, b, floatBias(inputs, node, 6), node)];
};

/** (float a, b, b scale, b zero point, float bias?) → float32: a is quantised by its own range first. Same file. */
export const dynamicQuantizeMatMul: Kernel = (inputs, node) => {
  const b = quantizedFrom(inputs, node, { values: 1, scale: 2, zeroPoint: 3 });
  return [toFloat(quantizeDynamically(inputs, node, 0), b, floatBias(inputs, node, 4), node)];
};

/**
 * (a [M, K], s, z, b [K, N], s, z, int32 c, y scale?, y zero point?) → y [M, N], `acc = a·b + c` (transposed where `transA`,
 * `transB` say), then `clip(round(acc · m) + z_y)` with `m = alpha · s_a · s_b / s_y`; without y's scale float32, `acc · m`.
 * ONNX Runtime, contrib_ops/cpu/quantization/quant_gemm.cc.
 */
export const qGemm: Kernel = (inputs, node) => {
  const a = turned(quantizedAt(inputs, node, 0), intAttribute(node, 'transA', 0));
  const b = turned(quantizedAt(inputs, node, 3), intAttribute(node, 'transB', 0));
  const sums = withMatrix(multiply(a, b, node), inputs[6] && inputAt(inputs, node, 6, ['int32']));
  const scaleA = Math.fround(floatAttribute(node, 'alpha', 1) * a.scale[0]!);
  if (!inputs[7]) return [scaleToFloat(sums, multipliers(scaleA, b.scale), 1)];
  const y = outputAt(inputs, node, { scale: 7, zeroPoint: 8 }, a.tensor.type);
  return [requantize(sums, multipliers(scaleA, b.scale, y.scale), 1, y)];
};

/** `acc[…, m, n] = Σₖ (a[…, m, k] − z_a) · (b[…, k, n] − z_b[n])`. A lone axis counts as a row of a, a column of b. */
function multiply(a: Operand, b: Operand, node: Node): Tensor<'int32'> {
  const left = a.tensor.dims.length === 1 ? [1, ...a.tensor.dims] : a.tensor.dims;
  const right = b.tensor.dims.length === 1 ? [...b.tensor.dims, 1] : b.tensor.dims;
  const [rows, depth] = left.slice(-2) as [number, number];
  const [depthB, columns] = right.slice(-2) as [number, number];
  if (depth !== depthB) throw kernelError(node, `expected ${depth} rows in [${right}] for [${left}], got ${depthB}`);
  checkZeroPoints(a, b, columns, node);
  const batches = broadcastDims(left.slice(0, -2), right.slice(0, -2));
  const matrixOfA = broadcastIndex(left.slice(0, -2), batches);
  const matrixOfB = broadcastIndex(right.slice(0, -2), batches);
  const data = new Int32Array(elementCount(batches) * rows * columns);
  for (let i = 0; i < data.length; i++) {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    const batch = Math.floor(i / (columns * rows));
    const offsetA = (matrixOfA(batch) * rows + row) * depth;
    const offsetB = matrixOfB(batch) * depth * columns + column;
    data[i] = dotProduct(
      { data: a.tensor.data, offset: offsetA, stride: 1, zeroPoint: a.zeroPoint[0]! },
      {
        data: b.tensor.data,
        offset: offsetB,
        stride: columns,
        zeroPoint: b.zeroPoint[b.zeroPoint.length === 1 ? 0 : column]!,
      },
      depth,
    );
  }
  return {
    type: 'int32',
    dims: [...batches, ...(a.tensor.dims.length === 1 ? [] : [rows]), ...(b.tensor.dims.length === 1 ? [] : [columns])],
    data,
  };
}

/** ONNX also allows a zero point for each row of a; ONNX Runtime does not, and neither does this. */
function checkZeroPoints(a: Operand, b: Operand, columns: number, node: Node): void {
  if (a.zeroPoint.length !== 1) throw kernelError(node, `expected one zero point for a, got ${a.zeroPoint.length}`);
  if (b.zeroPoint.length !== 1 && b.zeroPoint.length !== columns)
    throw kernelError(node, `expected 1 or ${columns} zero points for b, got ${b.zeroPoint.length}`);
}

function toFloat(a: QuantizedTensor, b: QuantizedTensor, bias: Tensor<'float32'> | undefined, node: Node): Tensor {
  const sums = multiply(a, b, node);
  const y = scaleToFloat(sums, multipliers(a.scale[0]!, b.scale), sums.dims.length - 1);
  return bias ? { ...y, data: y.data.map((value, i) => value + bias.data[i % bias.data.length]!) } : y;
}

function floatBias(inputs: Inputs, node: Node, at: number): Tensor<'float32'> | undefined {
  return inputs[at] && inputAt(inputs, node, at, ['float32']);
}

function turned(quantized: QuantizedTensor, transpose: number): QuantizedTensor {
  return transpose === 0 ? quantized : { ...quantized, tensor: permuted(quantized.tensor, [1, 0]) };
}

function withMatrix(sums: Tensor<'int32'>, c: Tensor<'int32'> | undefined): Tensor<'int32'> {
  if (!c) return sums;
  const indexOf = broadcastIndex(c.dims, sums.dims);
  return { ...sums, data: sums.data.map((sum, i) => sum + c.data[indexOf(i)]!) };
}
