/** How the windows of convolutions and pools lie on their input: strides, dilations and pads with every default settled. */
import { intAttribute, intsAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/model.ts';

/** Of each spatial axis. */
export type Geometry = {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  /** May be negative where the last window does not reach the end of the input. */
  readonly after: readonly number[];
  readonly group: number;
};

/**
 * @param large spatial sizes of the side that is padded (the input; the output of ConvTranspose); @param small of the other.
 * `after` is what makes the sizes fit exactly, whatever `pads`, `auto_pad` or `ceil_mode` say.
 */
export function geometryOf(
  node: Node,
  kernel: readonly number[],
  large: readonly number[],
  small: readonly number[],
): Geometry {
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(node, 'strides', ones);
  const dilations = intsAttribute(node, 'dilations', ones);
  const total = kernel.map((k, i) => (small[i]! - 1) * strides[i]! + dilations[i]! * (k - 1) + 1 - large[i]!);
  const before = padsBefore(node, total);
  const after = total.map((sum, i) => sum - before[i]!);
  return { kernel, strides, dilations, before, after, group: intAttribute(node, 'group', 1) };
}

function padsBefore(node: Node, total: readonly number[]): readonly number[] {
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (automatic === 'SAME_UPPER') return total.map((sum) => Math.floor(Math.max(sum, 0) / 2));
  if (automatic === 'SAME_LOWER') return total.map((sum) => Math.ceil(Math.max(sum, 0) / 2));
  return intsAttribute(node, 'pads', [])
    .slice(0, total.length)
    .concat(total.map(() => 0))
    .slice(0, total.length);
}
