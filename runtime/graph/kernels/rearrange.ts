/** Operators that move values and leave them as they are, so that one kernel serves every element type. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import { coordinatesOf, stridesOf } from '../broadcast.ts';
import type { Node } from '../model.ts';
import { dequantize, quantize } from '../quantized-tensor.ts';
import { elementCount, elementTypes, type Tensor } from '../tensor.ts';
import {
  anyInputAt,
  axisFrom,
  type Inputs,
  inputAt,
  type Kernel,
  kernelError,
  outputAt,
  quantizedAt,
} from './kernel.ts';

export const identity: Kernel = (inputs, node) => [anyInputAt(inputs, node, 0)];

/** ONNX Transpose-21: axis `i` of the result is axis `perm[i]` of x; all axes reversed without `perm`. */
export const transpose: Kernel = (inputs, node) => {
  const x = anyInputAt(inputs, node, 0);
  return [permuted(x, intsAttribute(node, 'perm', x.dims.map((_, axis) => axis).reverse()))];
};

/** (x, int64 shape) → x. ONNX Reshape-21: 0 keeps a size (unless `allowzero`), -1 takes what is left. */
export const reshape: Kernel = (inputs, node) => {
  const x = anyInputAt(inputs, node, 0);
  const keepsZero = intAttribute(node, 'allowzero', 0) !== 0;
  const wanted = Array.from(inputAt(inputs, node, 1, ['int64']).data, Number);
  const dims = wanted.map((size, axis) => (size === 0 && !keepsZero ? x.dims[axis]! : size));
  const known = elementCount(dims.filter((size) => size !== -1));
  return [
    reshaped(
      x,
      dims.map((size) => (size === -1 ? x.data.length / known : size)),
      node,
    ),
  ];
};

/** ONNX Flatten-21: the axes before `axis` (default 1) become one, the others another. */
export const flatten: Kernel = (inputs, node) => {
  const x = anyInputAt(inputs, node, 0);
  const axis = axisFrom(intAttribute(node, 'axis', 1), x.dims.length);
  return [reshaped(x, [elementCount(x.dims.slice(0, axis)), elementCount(x.dims.slice(axis))], node)];
};

/** ONNX Squeeze-21 (axes as an input) and -11 (as an attribute). */
export const squeeze: Kernel = (inputs, node) => {
  const x = anyInputAt(inputs, node, 0);
  const axes = axesOf(inputs, node)?.map((axis) => axisFrom(axis, x.dims.length));
  return [
    reshaped(
      x,
      x.dims.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
      node,
    ),
  ];
};

/** ONNX Unsqueeze-21 and -11. */
export const unsqueeze: Kernel = (inputs, node) => {
  const x = anyInputAt(inputs, node, 0);
  const given = axesOf(inputs, node) ?? [];
  const axes = given.map((axis) => axisFrom(axis, x.dims.length + given.length)).sort((a, b) => a - b);
  return [
    reshaped(
      x,
      axes.reduce((dims, axis) => dims.toSpliced(axis, 0, 1), [...x.dims]),
      node,
    ),
  ];
};

/** ONNX Concat-13. */
export const concat: Kernel = (inputs, node) => [
  joined(
    inputs.map((_, i) => anyInputAt(inputs, node, i)),
    node,
  ),
];

/**
 * (y scale, y zero point, then x, s, z for each part) → y: each part is brought to the result's scale by `quantize(dequantize(x))`.
 * ONNX Runtime, contrib_ops/cpu/quantization/qlinear_concat.cc.
 */
export const qLinearConcat: Kernel = (inputs, node) => {
  const { type, scale, zeroPoint } = outputAt(inputs, node, { scale: 0, zeroPoint: 1 }, 'uint8');
  const parameters = { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) };
  const parts = Array.from({ length: (inputs.length - 2) / 3 }, (_, part) => quantizedAt(inputs, node, 2 + 3 * part));
  return [
    joined(
      parts.map((part) => quantize(dequantize(part), type, parameters).tensor),
      node,
    ),
  ];
};

/** `x` with its axes in another order. */
export function permuted<T extends Tensor>(x: T, perm: readonly number[]): T {
  const dims = perm.map((axis) => x.dims[axis]!);
  const strides = stridesOf(x.dims);
  const sources = perm.map((axis) => strides[axis]!);
  return moved(x, dims, (i) => coordinatesOf(i, dims).reduce((sum, at, axis) => sum + at * sources[axis]!, 0));
}

function joined(parts: readonly Tensor[], node: Node): Tensor {
  const [first] = parts;
  const axis = axisFrom(intAttribute(node, 'axis', 0), first!.dims.length);
  const sizes = parts.map(({ dims }) => elementCount(dims.slice(axis)));
  const data = new elementTypes[first!.type].array(parts.reduce((sum, part) => sum + part.data.length, 0));
  const pitch = sizes.reduce((sum, size) => sum + size, 0);
  for (let part = 0, start = 0; part < parts.length; start += sizes[part]!, part++)
    for (const [i, value] of parts[part]!.data.entries())
      data[Math.floor(i / sizes[part]!) * pitch + start + (i % sizes[part]!)] = value;
  const length = parts.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  return { type: first!.type, dims: first!.dims.toSpliced(axis, 1, length), data } as Tensor;
}

/** A tensor whose element `i` is the one at `sourceOf(i)` in `x`. */
function moved<T extends Tensor>(x: T, dims: readonly number[], sourceOf: (index: number) => number): T {
  const data = new elementTypes[x.type].array(elementCount(dims));
  for (let i = 0; i < data.length; i++) data[i] = x.data[sourceOf(i)]!;
  return { ...x, dims, data };
}

function reshaped(x: Tensor, dims: readonly number[], node: Node): Tensor {
  if (elementCount(dims) === x.data.length) return { ...x, dims };
  throw kernelError(node, `expected a shape of ${x.data.length} elements for [${x.dims}], got [${dims}]`);
}

function axesOf(inputs: Inputs, node: Node): readonly number[] | undefined {
  if (!inputs[1]) return intsAttribute(node, 'axes');
  return Array.from(inputAt(inputs, node, 1, ['int64']).data, Number);
}
