/**
 * Whole quantised networks, node by node through the reference kernels. Oracle: ONNX Runtime on the same fused graph; every
 * bit of the result must be equal. The networks have no QLinearAdd, the one operator whose ties depend on the processor.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { optimizeModel } from '../../../../runtime/engine/optimize.ts';
import { openSession } from '../../../../runtime/engine/session.ts';
import { readTensor } from '../../../../runtime/graph/initializer.ts';
import { runNode } from '../../../../runtime/graph/kernels/kernels.ts';
import { encodeModel } from '../../../../runtime/graph/save.ts';
import type { Feeds, Tensor } from '../../../../runtime/graph/tensor.ts';
import { dataFolder, needsSharedData } from '../../quantize/reference.ts';
import { floats, needsExactProducts } from './oracle.ts';

const skips = { ...needsSharedData, ...(needsExactProducts ? { skip: needsExactProducts } : {}) };

for (const model of ['digits-dscnn', 'gestures-cnn1d'])
  for (const level of ['extended', 'all'] as const)
    test(`${model}, fused at level ${level}, answers like ONNX Runtime`, skips, async () => {
      const { graph, ...rest } = await optimizeModel(join(dataFolder, 'reference', `${model}.static-u8s8.onnx`), level);
      const [input, output] = [graph.inputs[0]!, graph.outputs[0]!.name];
      const x = floats(
        input.dims!.map((size) => (typeof size === 'number' ? size : 1)),
        1,
        5,
      );
      const session = await openSession(encodeModel({ graph, ...rest }), { level: 'disabled' });
      const expected = await session.run({ [input.name]: x });
      await session.close();
      const constants = [...graph.initializers].map(([name, stored]) => [name, readTensor(stored)] as const);
      const start: Feeds = { ...Object.fromEntries(constants), [input.name]: x };
      const values = graph.nodes.reduce<Record<string, Tensor>>(
        (known, node) => Object.assign(known, runNode(node, known)),
        { ...start },
      );
      assert.deepEqual(
        Array.from(values[output]!.data as Iterable<number>),
        Array.from(expected[output]!.data as Iterable<number>),
      );
    });
