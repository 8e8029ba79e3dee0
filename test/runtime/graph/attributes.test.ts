import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  float,
  floatAttribute,
  floats,
  floatsAttribute,
  graph,
  graphAttribute,
  int,
  intAttribute,
  ints,
  intsAttribute,
  string,
  stringAttribute,
  tensor,
  tensorAttribute,
} from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node } from '../../../runtime/graph/build.ts';
import { storeTensor } from '../../../runtime/graph/initializer.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import type { Node } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';

/** Written to bytes and read again. */
function throughFile(original: Node): Node {
  const model = modelOf(graphOf({ nodes: [original], outputs: [] }));
  return parseModel(encodeModel(model)).graph.nodes[0] ?? assert.fail('the node is gone');
}

describe('attributes of a node', () => {
  const body = graphOf({ name: 'body', nodes: [node('Identity', ['a'], ['b'])], outputs: [] });
  const written = throughFile(
    node('Anything', [], ['y'], {
      axis: int(-1),
      end: int(9_223_372_036_854_775_807n),
      pads: ints([0, 1]),
      alpha: float(0.1),
      scales: floats([1, 0.5]),
      mode: string('näher'),
      value: tensor(storeTensor('', float32([1], [2]))),
      body: graph(body),
    }),
  );

  it('come back by kind after a file', () => {
    assert.equal(intAttribute(written, 'axis'), -1);
    assert.deepEqual(intsAttribute(written, 'pads'), [0, 1]);
    assert.equal(floatAttribute(written, 'alpha'), Math.fround(0.1));
    assert.deepEqual(floatsAttribute(written, 'scales'), [1, 0.5]);
    assert.equal(stringAttribute(written, 'mode'), 'näher');
    assert.deepEqual(tensorAttribute(written, 'value')?.dims, [1]);
    assert.equal(graphAttribute(written, 'body')?.nodes[0]?.opType, 'Identity');
  });

  it('keep the largest int64, which means "to the end"', () => {
    assert.ok((intAttribute(written, 'end') ?? 0) >= Number.MAX_SAFE_INTEGER);
    const { source, ...end } = written.attributes.get('end') ?? assert.fail('no end');
    assert.deepEqual(end, int(2n ** 63n - 1n));
  });

  it('give the default, or undefined, when absent', () => {
    assert.equal(intAttribute(written, 'group', 1), 1);
    assert.equal(stringAttribute(written, 'auto_pad', 'NOTSET'), 'NOTSET');
    assert.equal(floatAttribute(written, 'beta'), undefined);
  });

  it('of another kind than asked for are an error', () => {
    assert.throws(() => intAttribute(written, 'alpha'), {
      code: 'MODEL_INVALID',
      message: /\(Anything\): attribute alpha: expected int, got float/,
    });
  });
});
