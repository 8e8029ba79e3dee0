import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { optimizeModel } from '../../../runtime/engine/optimize.ts';
import { nodeTimes, profileModel } from '../../../runtime/engine/profile.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { encodeModel, saveModel } from '../../../runtime/graph/save.ts';
import { verifyGraph } from '../../../runtime/graph/verify.ts';
import { denseModel } from '../graph/example-models.ts';

/** y = Relu(BatchNorm(Conv(x, w))), w = raw + raw computed in the graph. */
function normalisedConvolution(): Uint8Array {
  const four = float32([2], [4, 4]);
  return encodeModel(
    modelOf(
      graphOf({
        inputs: [valueInfo('x', 'float32', [1, 1, 4, 4])],
        outputs: [valueInfo('y', 'float32', [1, 2, 3, 3])],
        initializers: {
          raw: float32([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
          scale: four,
          shift: four,
          mean: four,
          variance: four,
        },
        nodes: [
          node('Add', ['raw', 'raw'], ['w'], {}, 'double'),
          node('Conv', ['x', 'w'], ['c'], {}, 'conv'),
          node('BatchNormalization', ['c', 'scale', 'shift', 'mean', 'variance'], ['b'], {}, 'norm'),
          node('Relu', ['b'], ['y'], {}, 'activation'),
        ],
      }),
    ),
  );
}

describe("ONNX Runtime's optimiser", () => {
  let folder = '';
  const temporary = process.env.TMPDIR;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-optimise-test-'));
    process.env.TMPDIR = folder;
  });
  after(async () => {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    await rm(folder, { recursive: true });
  });

  it('at basic folds constants and batch normalisation, and stays standard ONNX', async () => {
    const { graph, ...rest } = await optimizeModel(normalisedConvolution(), 'basic');
    assert.deepEqual(
      graph.nodes.map(({ opType, domain }) => `${domain}:${opType}`),
      [':Conv', ':Relu'],
    );
    assert.deepEqual(verifyGraph({ ...rest, graph }), []);
  });

  it('at extended fuses the activation into the convolution', async () => {
    const { graph } = await optimizeModel(normalisedConvolution(), 'extended');
    assert.deepEqual(
      graph.nodes.map(({ opType }) => opType),
      ['FusedConv'],
    );
  });

  it('disabled leaves the graph as it is', async () => {
    const { graph } = await optimizeModel(normalisedConvolution(), 'disabled');
    assert.deepEqual(
      graph.nodes.map(({ name }) => name),
      ['double', 'conv', 'norm', 'activation'],
    );
  });

  it('takes a path, and says in the result where it came from', async () => {
    const path = join(folder, 'dense.onnx');
    await saveModel(denseModel(), path);
    assert.equal((await optimizeModel(path, 'basic')).origin, `${path} (optimised: basic)`);
    await rm(path);
  });

  it('leaves no file behind, not even after a failure', async () => {
    await optimizeModel(normalisedConvolution(), 'basic');
    await assert.rejects(optimizeModel(Uint8Array.of(1, 2, 3), 'basic'), { code: 'MODEL_INVALID' });
    await profileModel(normalisedConvolution(), { x: float32([1, 1, 4, 4], new Array(16).fill(1)) }, 1);
    assert.deepEqual(await readdir(folder), []);
  });
});

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

  it('is the mean of the last runs, without warm-up', () => {
    const args = { op_name: 'Relu', provider: 'CPU', node_index: '0' };
    const run = (ts: number, dur: number) => [
      { cat: 'Node', name: 'r_kernel_time', ts: ts + 1, dur, args },
      { cat: 'Session', name: 'model_run', ts, dur: dur + 2, args: {} },
    ];
    const times = nodeTimes([...run(0, 900), ...run(1000, 10), ...run(2000, 20)], 2);
    assert.deepEqual(times, [{ name: 'r', opType: 'Relu', provider: 'CPU', meanUs: 15 }]);
  });

  it('needs at least one run', async () => {
    await assert.rejects(profileModel(encodeModel(denseModel()), {}, 0), { code: 'INTERNAL' });
  });
});
