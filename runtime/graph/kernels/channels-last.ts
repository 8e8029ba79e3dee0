/**
 * The layout that ONNX Runtime prefers for integers: [N, …, C]. A kernel is written for [N, C, …] only; here it is made to
 * serve both, by moving the channels there and back. Weights are the same in both.
 */
import { intAttribute } from '../attributes.ts';
import { anyInputAt, type Kernel } from './kernel.ts';
import { permuted } from './rearrange.ts';

/** The kernel with its first input and its output in the layout that the attribute `channels_last` names. */
export function inEitherLayout(kernel: Kernel): Kernel {
  const last = channelsLast(kernel);
  return (inputs, node) => (intAttribute(node, 'channels_last', 0) === 0 ? kernel : last)(inputs, node);
}

/** The kernel for operators that know [N, …, C] only. */
export function channelsLast(kernel: Kernel): Kernel {
  return (inputs, node) => {
    const x = anyInputAt(inputs, node, 0);
    const spatial = x.dims.map((_, axis) => axis).slice(1, -1);
    const outputs = kernel([permuted(x, [0, x.dims.length - 1, ...spatial]), ...inputs.slice(1)], node);
    return outputs.map((y) => permuted(y, [0, ...spatial.map((axis) => axis + 1), 1]));
  };
}
