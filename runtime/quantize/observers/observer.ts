/**
 * What turns a stream of tensors into a range. Each observer keeps a fixed amount of memory however much it sees, and but for
 * the moving average its answer does not depend on the order of what it saw.
 */
import type { Range } from '../numerics.ts';

export type Observer = {
  /** Takes in finite values: one sample's tensor. */
  add(values: Float32Array): void;
  /** The range to quantise; [0, 0] when nothing was seen. */
  range(): Range;
};
