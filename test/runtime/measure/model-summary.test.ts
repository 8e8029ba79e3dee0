import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { summarizeModel } from '../../../runtime/measure/model-summary.ts';

describe('the summary of a model', () => {
  it('counts operators, and the weights that each kind of operator holds', async () => {
    const graph = graphOf({
      nodes: [node('MatMul', ['x', 'w'], ['a']), node('Add', ['a', 'b'], ['c']), node('Relu', ['c'], ['y'])],
      inputs: [valueInfo('x', 'float32', [1, 4])],
      outputs: [valueInfo('y', 'float32', [1, 8])],
      initializers: { w: float32([4, 8], new Array(32).fill(1)), b: float32([8], new Array(8).fill(0)) },
    });
    const folder = await mkdtemp(join(tmpdir(), 'octet-summary-'));
    try {
      await writeFile(join(folder, 'model.onnx'), encodeModel(modelOf(graph)));
      assert.deepEqual(await summarizeModel(join(folder, 'model.onnx')), {
        operators: { MatMul: 1, Add: 1, Relu: 1 },
        weights: { MatMul: 32, Add: 8 },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
