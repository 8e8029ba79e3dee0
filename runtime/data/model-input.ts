/** Whether a sample fits a model's input, and with which dimensions it is fed. */
import type { ElementType } from '../graph/tensor.ts';
import type { ModelInput } from './samples.ts';

/**
 * The dimensions to feed a sample with: `[1, …dims]` when the input has a batch axis, `dims` itself when it has none;
 * undefined when neither fits or the type differs.
 */
export function sampleDims(
  input: ModelInput,
  type: ElementType,
  dims: readonly number[],
): readonly number[] | undefined {
  if (type !== input.type) return undefined;
  return [[1, ...dims], dims].find((candidate) => fits(candidate, input.dims));
}

export function describeInput({ name, type, dims }: ModelInput): string {
  return `${name}: ${type} [${dims.map((size) => (isFixed(size) ? size : '?')).join(', ')}]`;
}

function fits(dims: readonly number[], expected: ModelInput['dims']): boolean {
  if (dims.length !== expected.length) return false;
  return expected.every((size, axis) => !isFixed(size) || size === dims[axis]);
}

function isFixed(size: number | string): boolean {
  return typeof size === 'number' && size > 0;
}
