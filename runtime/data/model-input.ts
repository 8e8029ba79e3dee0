/** Whether a sample fits a model's input, and with which dimensions it is fed. */
import type { SessionValue } from '../engine/session.ts';
import type { ElementType } from '../graph/tensor.ts';

/**
 * The dimensions to feed a sample with: `[1, …dims]` when the input has a batch axis, `dims` itself when it has none;
 * undefined when neither fits or the type differs.
 */
export function sampleDims(
  input: SessionValue,
  type: ElementType,
  dims: readonly number[],
): readonly number[] | undefined {
  if (type !== input.type) return undefined;
  return [[1, ...dims], dims].find((candidate) => fits(candidate, input.dims));
}

/** `x: float32 [?, 6, 128]`; a question mark is a free dimension. */
export function describeInput({ name, type, dims }: SessionValue): string {
  return `${name}: ${type ?? 'no tensor'} [${dims?.map((size) => (typeof size === 'number' ? size : '?')).join(', ') ?? '…'}]`;
}

function fits(dims: readonly number[], expected: SessionValue['dims']): boolean {
  if (expected === undefined) return true;
  if (dims.length !== expected.length) return false;
  return expected.every((size, axis) => typeof size !== 'number' || size === dims[axis]);
}
