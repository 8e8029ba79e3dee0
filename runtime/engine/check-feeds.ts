/**
 * Do these tensors fit this session? Asked once where data enters; afterwards `run` trusts its caller, and what still
 * does not fit comes back as ONNX Runtime's own error.
 */
import { OctetError } from '../base/errors.ts';
import type { Dim } from '../graph/model.ts';
import { elementCount, elementTypes, type Feeds, type Tensor } from '../graph/tensor.ts';
import type { SessionValue } from './session.ts';

/** @throws DATA_MISMATCH naming every input that is missing, unknown, or of another type or shape. */
export function checkFeeds(inputs: readonly SessionValue[], feeds: Feeds): void {
  const known = new Set(inputs.map(({ name }) => name));
  const problems = [
    ...inputs.flatMap((input) => problemOf(input, feeds[input.name]) ?? []),
    ...Object.keys(feeds)
      .filter((name) => !known.has(name))
      .map((name) => `${name}: expected no such input`),
  ];
  if (problems.length === 0) return;
  throw new OctetError('DATA_MISMATCH', problems.join('; '), {
    hint: `The model takes ${inputs.map((input) => `${input.name} ${describe(input)}`).join(', ')}; name arrays after its inputs.`,
  });
}

function problemOf(input: SessionValue, tensor: Tensor | undefined): string | undefined {
  const expected = `${input.name}: expected ${describe(input)}`;
  if (tensor === undefined) return `${expected}, got nothing`;
  const { type, dims, data } = tensor;
  const got = `got ${type} [${dims.join(', ')}]`;
  if (type !== input.type || !fits(input.dims, dims)) return `${expected}, ${got}`;
  if (!(data instanceof elementTypes[type].array)) return `${expected}, ${got} held in ${data.constructor.name}`;
  return data.length === elementCount(dims) ? undefined : `${expected}, ${got} with ${data.length} elements`;
}

function fits(expected: readonly Dim[] | undefined, dims: readonly number[]): boolean {
  if (expected === undefined) return true;
  return (
    expected.length === dims.length && expected.every((size, axis) => typeof size !== 'number' || size === dims[axis])
  );
}

function describe({ type, dims }: SessionValue): string {
  const shape = dims ? `[${dims.map((size) => size ?? '?').join(', ')}]` : 'of any shape';
  return `${type ?? 'a type that cannot be fed'} ${shape}`;
}
