import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeTimes, profileModel } from '../../../runtime/engine/profile.ts';
import { float32 } from '../../../runtime/graph/build.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { denseModel } from '../graph/example-models.ts';

describe('the profile of a model', () => {
  it('names each node of the optimised graph, in order, with its time', async () => {
    const times = await profileModel(encodeModel(denseModel()), { x: float32([1, 3], [1, 2, 3]) }, 20, {
      level: 'disabled',
    });
    assert.deepEqual(
      times.map(({ name, opType }) => [name, opType]),
      [
        ['product', 'MatMul'],
        ['bias', 'Add'],
        ['activation', 'Relu'],
      ],
    );
    for (const { provider, meanUs } of times) {
      assert.equal(provider, 'CPUExecutionProvider');
      assert.ok(meanUs >= 0 && meanUs < 1e6, `${meanUs} µs`);
    }
  });

  it('is the mean over complete runs, without warm-up', async () => {
    const node = (name: string, dur: number, index: string) => ({
      cat: 'Node',
      name: `${name}_kernel_time`,
      dur,
      args: { op_name: 'Relu', provider: 'CPU', node_index: index },
    });
    const run = { cat: 'Session', name: 'model_run', dur: 1000, args: {} };
    const warmUp = [node('r', 900, '0'), node('s', 900, '1'), run];
    const measured = [node('r', 10, '0'), node('s', 1, '1'), run, node('r', 20, '0'), node('s', 2, '1'), run];
    const cutShort = [node('r', 5000, '0')];
    assert.deepEqual(await nodeTimes([...warmUp, ...measured, ...cutShort], 1), [
      { name: 'r', opType: 'Relu', provider: 'CPU', meanUs: 15 },
      { name: 's', opType: 'Relu', provider: 'CPU', meanUs: 1.5 },
    ]);
  });

  it('needs at least one run', async () => {
    await assert.rejects(profileModel(encodeModel(denseModel()), {}, 0), { code: 'INTERNAL' });
  });
});
