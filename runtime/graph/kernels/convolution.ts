/** Convolutions of integers: any number of spatial axes, groups, strides, dilations and paddings. */
import { intAttribute } from '../attributes.ts';
import type { Node } from '../model.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { addBias, dotProduct } from './accumulate.ts';
import { inEitherLayout } from './channels-last.ts';
import { inputAt, integerOperands, type Kernel, kernelError, type Operand, outputAt, quantizedAt } from './kernel.ts';
import { multipliers, requantize } from './requantize.ts';
import { type Windows, windowsOf } from './windows.ts';

/** (x [N, C, …], w [M, C/group, …], x zero point, w zero point) → int32 [N, M, …]. ONNX ConvInteger-10. */
export const convInteger: Kernel = (inputs, node) => {
  const [x, w] = integerOperands(inputs, node);
  return [convolve(x, w, node)];
};

/**
 * (x, s, z, w, s, z, y scale, y zero point, int32 bias?) → y, `clip(round((conv(x − z_x, w − z_w) + b) · m) + z_y)` with
 * `m = s_x · s_w / s_y` in float32; the weight's scale is one or one for each of M. ONNX QLinearConv-10;
 * ONNX Runtime, core/providers/cpu/quantization/qlinearconv.cc.
 */
export const qLinearConv: Kernel = inEitherLayout((inputs, node) => {
  const x = quantizedAt(inputs, node, 0);
  const w = quantizedAt(inputs, node, 3, { axis: 0 });
  const y = outputAt(inputs, node, { scale: 6, zeroPoint: 7 }, x.tensor.type);
  const bias = inputs[8] && inputAt(inputs, node, 8, ['int32']);
  const sums = addBias(convolve(x, w, node), bias, 1);
  return [requantize(sums, multipliers(x.scale[0]!, w.scale, y.scale), 1, y)];
});

/** `acc[n, m, p] = Σ (x[n, c, p · stride − pad + t · dilation] − z_x) · (w[m, c, t] − z_w[m])` over the group's c and all taps t. */
function convolve(x: Operand, w: Operand, node: Node): Tensor<'int32'> {
  const [batch = 1, channels = 1, ...plane] = x.tensor.dims;
  const [filters = 1, groupChannels = 1, ...kernel] = w.tensor.dims;
  const groups = intAttribute(node, 'group', 1);
  if (channels !== groupChannels * groups)
    throw kernelError(node, `expected ${groupChannels * groups} channels (weight [${w.tensor.dims}]), got ${channels}`);
  const windows = windowsOf(node, plane, kernel);
  const positions = elementCount(windows.outputDims);
  const data = new Int32Array(batch * filters * positions);
  const length = groupChannels * windows.tapCount;
  for (let n = 0; n < batch; n++)
    for (let group = 0; group < groups; group++)
      for (let p = 0; p < positions; p++) {
        const firstChannel = n * channels + group * groupChannels;
        const patch = { data: patchAt(x, windows, firstChannel, groupChannels, p), offset: 0, stride: 1, zeroPoint: 0 };
        for (let m = (group * filters) / groups; m < ((group + 1) * filters) / groups; m++) {
          const zeroPoint = w.zeroPoint[w.zeroPoint.length === 1 ? 0 : m]!;
          const filter = { data: w.tensor.data, offset: m * length, stride: 1, zeroPoint };
          data[(n * filters + m) * positions + p] = dotProduct(patch, filter, length);
        }
      }
  return { type: 'int32', dims: [batch, filters, ...windows.outputDims], data };
}

/** What one window sees, [channels, taps], zero point taken off; the padding is real zero. */
function patchAt(
  { tensor, zeroPoint }: Operand,
  windows: Windows,
  firstChannel: number,
  channels: number,
  position: number,
): Int32Array {
  const planeSize = elementCount(tensor.dims.slice(2));
  const taps = windows.tapsAt(position);
  const patch = new Int32Array(channels * taps.length);
  for (let c = 0; c < channels; c++)
    for (const [t, offset] of taps.entries())
      if (offset >= 0)
        patch[c * taps.length + t] = tensor.data[(firstChannel + c) * planeSize + offset]! - zeroPoint[0]!;
  return patch;
}
