/** Oracle: ONNX Runtime; every bit must be equal. */
import { test } from 'node:test';
import fc from 'fast-check';
import { int, ints } from '../../../../runtime/graph/attributes.ts';
import { int64, node } from '../../../../runtime/graph/build.ts';
import type { Attribute } from '../../../../runtime/graph/model.ts';
import type { Feeds } from '../../../../runtime/graph/tensor.ts';
import { assertSameBits, integers, scalar, scales, seeds, signs, zeroPoints } from './oracle.ts';

const x = integers('int8', [2, 3, 1, 4], 7);

/** Columns: what it shows, operator, attributes, further inputs. */
const rows: readonly (readonly [what: string, opType: string, attributes: Record<string, Attribute>, more: Feeds])[] = [
  ['Identity', 'Identity', {}, {}],
  ['Transpose reverses the axes', 'Transpose', {}, {}],
  ['Transpose by perm', 'Transpose', { perm: ints([2, 0, 3, 1]) }, {}],
  ['Reshape keeps a 0 and fits a -1', 'Reshape', {}, { shape: int64([3], [0, -1, 2]) }],
  ['Flatten from the default axis', 'Flatten', {}, {}],
  ['Flatten from axis 0', 'Flatten', { axis: int(0) }, {}],
  ['Flatten from a negative axis', 'Flatten', { axis: int(-1) }, {}],
  ['Squeeze all', 'Squeeze', {}, {}],
  ['Squeeze one', 'Squeeze', {}, { axes: int64([1], [-2]) }],
  ['Unsqueeze several', 'Unsqueeze', {}, { axes: int64([2], [-1, 0]) }],
];

for (const [what, opType, attributes, more] of rows)
  test(`${what} moves int8 values as they are`, async () => {
    const moving = node(opType, ['x', ...Object.keys(more)], ['y'], attributes);
    await assertSameBits({ node: moving, values: { x, ...more }, outputs: ['int8'] });
  });

test('Concat joins along any axis', async () => {
  for (const axis of [0, 1, -1]) {
    const values = { a: x, b: integers('int8', x.dims.with(axis, 2), 9) };
    await assertSameBits({ node: node('Concat', ['a', 'b'], ['y'], { axis: int(axis) }), values, outputs: ['int8'] });
  }
});

test('QLinearConcat brings each part to the scale of the result', async () => {
  const part = (type: 'uint8' | 'int8') =>
    fc.record({ scale: scales, zero: zeroPoints(type), size: fc.integer({ min: 1, max: 4 }) });
  const joins = signs.chain((type) =>
    fc.record({
      type: fc.constant(type),
      parts: fc.array(part(type), { minLength: 1, maxLength: 4 }),
      axis: fc.nat(2),
      scaleY: scales,
      zeroY: zeroPoints(type),
      seed: seeds,
    }),
  );
  await fc.assert(
    fc.asyncProperty(joins, async ({ type, parts, axis, scaleY, zeroY, seed }) => {
      const named = parts.flatMap(({ scale, zero, size }, i) => [
        [`x${i}`, integers(type, [2, 3, 2].with(axis, size), seed + i)] as const,
        [`s${i}`, scalar('float32', scale)] as const,
        [`z${i}`, scalar(type, zero)] as const,
      ]);
      const values = { sy: scalar('float32', scaleY), zy: scalar(type, zeroY), ...Object.fromEntries(named) };
      const joining = node('com.microsoft:QLinearConcat', ['sy', 'zy', ...named.map(([name]) => name)], ['y'], {
        axis: int(axis),
      });
      await assertSameBits({ node: joining, values, outputs: [type] });
    }),
    { numRuns: 60 },
  );
});
