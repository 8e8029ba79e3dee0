/**
 * Where a convolution's or a pool's window looks: for each position of the output plane, the offsets in the input plane
 * under its taps. Works for any number of spatial axes. Source: ONNX Conv-11, MaxPool-12, AveragePool-19.
 */
import { intAttribute, intsAttribute, stringAttribute } from '../attributes.ts';
import { coordinatesOf, stridesOf } from '../broadcast.ts';
import type { Node } from '../model.ts';
import { elementCount } from '../tensor.ts';

export type Windows = {
  /** Sizes of the output plane. */
  readonly outputDims: readonly number[];
  /** Taps of one window, those over the padding included. */
  readonly tapCount: number;
  /** For each tap at the flat output position, its offset in the input plane; -1 over the padding. */
  tapsAt(position: number): Int32Array;
};

/** One spatial axis. `padding` is what precedes the first element. */
type Axis = {
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
  readonly outputSize: number;
};

/** @param inputDims @param kernelDims spatial sizes, the outermost first. */
export function windowsOf(node: Node, inputDims: readonly number[], kernelDims: readonly number[]): Windows {
  const axes = inputDims.map((size, axis) => layOut(node, axis, size, kernelDims));
  const outputDims = axes.map(({ outputSize }) => outputSize);
  const strides = stridesOf(inputDims);
  const tapCount = elementCount(kernelDims);
  const offsetOf = (output: readonly number[], tap: readonly number[]) => {
    let offset = 0;
    for (const [axis, { stride, dilation, padding }] of axes.entries()) {
      const at = output[axis]! * stride - padding + tap[axis]! * dilation;
      if (at < 0 || at >= inputDims[axis]!) return -1;
      offset += at * strides[axis]!;
    }
    return offset;
  };
  return {
    outputDims,
    tapCount,
    tapsAt(position) {
      const output = coordinatesOf(position, outputDims);
      return Int32Array.from({ length: tapCount }, (_, tap) => offsetOf(output, coordinatesOf(tap, kernelDims)));
    },
  };
}

function layOut(node: Node, axis: number, size: number, kernelDims: readonly number[]): Axis {
  const rank = kernelDims.length;
  const stride = intsAttribute(node, 'strides')?.[axis] ?? 1;
  const dilation = intsAttribute(node, 'dilations')?.[axis] ?? 1;
  const extent = (kernelDims[axis]! - 1) * dilation + 1;
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (mode.startsWith('SAME')) {
    const outputSize = Math.ceil(size / stride);
    const total = Math.max(0, (outputSize - 1) * stride + extent - size);
    return { stride, dilation, padding: mode === 'SAME_UPPER' ? total >> 1 : (total + 1) >> 1, outputSize };
  }
  const pads = mode === 'VALID' ? undefined : intsAttribute(node, 'pads');
  const [padding, paddingEnd] = [pads?.[axis] ?? 0, pads?.[axis + rank] ?? 0];
  const steps = (size + padding + paddingEnd - extent) / stride;
  return { stride, dilation, padding, outputSize: outputSizeOf(node, steps, stride, size + padding) };
}

/** With `ceil_mode` a last, partial window is kept, but only if it begins before the end of the input. */
function outputSizeOf(node: Node, steps: number, stride: number, end: number): number {
  if (intAttribute(node, 'ceil_mode', 0) === 0) return Math.floor(steps) + 1;
  const rounded = Math.ceil(steps) + 1;
  return (rounded - 1) * stride >= end ? rounded - 1 : rounded;
}
