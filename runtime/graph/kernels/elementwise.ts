/**
 * Sum and product of two quantised tensors that stretch to each other. Unlike the products of matrices they add the zero
 * point before they round, so that a tie falls to the even stored value, not to the even number of steps.
 */
import { broadcastDims, broadcastIndex } from '../broadcast.ts';
import { clamp, integerRanges, roundHalfEven } from '../integers.ts';
import { elementCount, elementTypes, type Tensor } from '../tensor.ts';
import { type Kernel, outputAt, quantizedAt } from './kernel.ts';

/** Scales of a, b and the result. */
type Scales = { readonly a: number; readonly b: number; readonly y: number };

/** The result in steps of its scale; a and b with their zero points taken off. */
type Combine = (a: number, b: number, scales: Scales) => number;

/**
 * (a, s, z, b, s, z, y scale, y zero point) → y, `clip(round((s_a(a − z_a) + s_b(b − z_b)) / s_y + z_y))`.
 * ONNX Runtime, core/mlas/lib/qladd.cpp, its plain kernel: its vector kernels multiply by `s / s_y` with fused additions (x86) or in
 * fixed point (ARM), and may fall on the other side of a tie.
 */
export const qLinearAdd: Kernel = elementwise((a, b, scale) =>
  Math.fround(Math.fround(Math.fround(a * scale.a) + Math.fround(b * scale.b)) / scale.y),
);

/** The same inputs → `clip(round((a − z_a)(b − z_b) · m + z_y))`, `m = s_a · s_b / s_y`. ONNX Runtime, core/mlas/lib/qlmul.cpp. */
export const qLinearMul: Kernel = elementwise((a, b, scale) =>
  Math.fround(a * b * Math.fround(Math.fround(scale.a * scale.b) / scale.y)),
);

function elementwise(combine: Combine): Kernel {
  return (inputs, node) => {
    const a = quantizedAt(inputs, node, 0);
    const b = quantizedAt(inputs, node, 3);
    const y = outputAt(inputs, node, { scale: 6, zeroPoint: 7 }, a.tensor.type);
    const scales = { a: a.scale[0]!, b: b.scale[0]!, y: y.scale };
    const dims = broadcastDims(a.tensor.dims, b.tensor.dims);
    const [indexA, indexB] = [broadcastIndex(a.tensor.dims, dims), broadcastIndex(b.tensor.dims, dims)];
    const data = new elementTypes[y.type].array(elementCount(dims));
    for (let i = 0; i < data.length; i++) {
      const stepsA = a.tensor.data[indexA(i)]! - a.zeroPoint[0]!;
      const stepsB = b.tensor.data[indexB(i)]! - b.zeroPoint[0]!;
      const value = Math.fround(combine(stepsA, stepsB, scales) + y.zeroPoint);
      data[i] = clamp(roundHalfEven(value), integerRanges[y.type]);
    }
    return [{ type: y.type, dims, data } as Tensor];
  };
}
