/**
 * What turns a stream of tensors into a range. Each observer keeps a fixed amount of memory however much it sees, and but for
 * the moving average its answer does not depend on the order of what it saw.
 */
import type { Range } from '../numerics.ts';

export type Observer = {
  /** Takes in finite values: one sample's tensor. The array is only valid during the call. */
  add(values: Float32Array): void;
  /** Only where it looks at nothing else of a tensor: takes its extremes, which the runtime then finds without giving the tensor away. */
  addExtremes?(extremes: Range): void;
  /** The range to quantise; [0, 0] when nothing was seen. */
  range(): Range;
};
