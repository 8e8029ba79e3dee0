import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { openSamples } from '../../../runtime/data/open-samples.ts';
import type { Pipeline, Task } from '../../../runtime/data/pipeline.ts';
import { writeRecording } from '../../../runtime/data/recording.ts';
import { evenly, type Samples, splitHeldOut } from '../../../runtime/data/samples.ts';
import type { SessionValue } from '../../../runtime/engine/session.ts';
import { graphOf, int64, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { saveModel } from '../../../runtime/graph/save.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { float32Npy, int64Npy, npyBytes, zipBytes } from './npz-writer.ts';

const x: SessionValue = { name: 'x', type: 'float32', dims: ['batch', 2] };
const task: Task = { kind: 'classify', labels: ['rest', 'walk'] };
const pipeline: Pipeline = {
  channels: [
    { name: 'a', unit: 'g' },
    { name: 'b', unit: 'g' },
  ],
  rateHz: 50,
  window: { samples: 4, stride: 2 },
};

async function npz(context: TestContext, entries: Record<string, Buffer>): Promise<string> {
  const path = join(await temporaryFolder(context), 'data.npz');
  await writeFile(path, zipBytes(entries, true));
  return path;
}

/** Recordings of 20 and 9 samples whose channel `a` counts samples. */
async function recordings(context: TestContext): Promise<string> {
  const folder = await temporaryFolder(context);
  const write = (name: string, count: number, label: string) =>
    writeRecording(
      join(folder, name),
      { channels: pipeline.channels, rateHz: 50, spans: [{ startSample: 2, endSample: count, label }] },
      Float32Array.from({ length: count * 2 }, (_, index) => (index % 2 === 0 ? index / 2 : -1)),
    );
  await write('r1', 20, 'walk');
  await write('r2', 9, 'rest');
  return folder;
}

describe('samples from arrays', () => {
  it('are fed one at a time under the input’s name, with a batch of one', async (context) => {
    const path = await npz(context, { 'x.npy': float32Npy([3, 2], [1, 2, 3, 4, 5, 6]), 'y.npy': int64Npy([0, 1, -1]) });
    const samples = await openSamples(path, { inputs: [x], task });
    assert.equal(samples.count, 3);
    assert.deepEqual(samples.labels, [0, 1, -1]);
    assert.deepEqual(await samples.feeds(1), { x: { type: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) } });
  });

  it('match by name first, and an only array matches an only input', async (context) => {
    const other = float32Npy([1, 2], [9, 9]);
    const named = await npz(context, { 'other.npy': other, 'x.npy': float32Npy([1, 2], [1, 2]) });
    const only = await npz(context, { 'other.npy': other, 'y.npy': int64Npy([0]) });
    const feedsOf = async (path: string) => (await openSamples(path, { inputs: [x] })).feeds(0);
    assert.deepEqual((await feedsOf(named)).x?.data, Float32Array.of(1, 2));
    assert.deepEqual((await feedsOf(only)).x?.data, Float32Array.of(9, 9));
  });

  it('come from a folder of .npy as from .npz', async (context) => {
    const folder = await temporaryFolder(context);
    await writeFile(join(folder, 'x.npy'), float32Npy([2, 2], [1, 2, 3, 4]));
    await writeFile(join(folder, 'n.npy'), int64Npy([7, 8]));
    const inputs: SessionValue[] = [x, { name: 'n', type: 'int64', dims: [] }];
    const samples = await openSamples(folder, { inputs });
    assert.deepEqual(await samples.feeds(1), {
      x: { type: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) },
      n: { type: 'int64', dims: [], data: BigInt64Array.of(8n) },
    });
  });

  it('list every input that does not fit, with what was expected and what was there', async (context) => {
    const path = await npz(context, {
      'a.npy': float32Npy([3, 5], new Float32Array(15)),
      'b.npy': npyBytes({ descr: '<f8', shape: [3, 2] }, new Float64Array(6)),
    });
    const inputs = ['a', 'b', 'c'].map((name) => ({ ...x, name }));
    await assert.rejects(openSamples(path, { inputs }), {
      code: 'DATA_MISMATCH',
      message:
        /a: float32 \[\?, 2\] per sample, got float32 \[3, 5\]; expected b: .*got float64 \[3, 2\]; expected c: .*no such array \(there are: a, b\)/,
    });
  });

  it('refuse labels that are too few or no class of the task', async (context) => {
    const data = float32Npy([2, 2], [1, 2, 3, 4]);
    const few = await npz(context, { 'x.npy': data, 'y.npy': int64Npy([0]) });
    const wrong = await npz(context, { 'x.npy': data, 'y.npy': int64Npy([0, 2]) });
    await assert.rejects(openSamples(few, { inputs: [x], task }), { message: /expected 2 integer class indices/ });
    await assert.rejects(openSamples(wrong, { inputs: [x], task }), {
      code: 'DATA_MISMATCH',
      message: /y\[1\]: expected a class index from 0 to 1 .*got 2/,
    });
  });

  it('say what a path without data holds instead', async (context) => {
    const folder = await temporaryFolder(context);
    await writeFile(join(folder, 'notes.txt'), '');
    await assert.rejects(openSamples(folder, { inputs: [x] }), {
      code: 'DATA_INVALID',
      message: /got a folder with notes\.txt/,
    });
    await assert.rejects(openSamples(join(folder, 'nowhere'), { inputs: [x] }), { code: 'FILE_NOT_FOUND' });
  });
});

describe('samples from recordings', () => {
  const input: SessionValue = { name: 'x', type: 'float32', dims: [1, 4, 2] };

  it('are all whole windows, labelled where one span covers them', async (context) => {
    const samples = await openSamples(await recordings(context), { inputs: [input], pipeline, task });
    assert.equal(samples.count, 9 + 3);
    assert.deepEqual(samples.labels, [-1, ...Array(8).fill(1), -1, 0, 0]);
    assert.equal(samples.description, '12 windows of 2 recordings');
    assert.deepEqual((await samples.feeds(10)).x?.data, Float32Array.of(2, -1, 3, -1, 4, -1, 5, -1));
  });

  it('go through features.onnx to the model’s input', async (context) => {
    const folder = await recordings(context);
    const featuresPath = join(await temporaryFolder(context), 'features.onnx');
    const transposed = valueInfo('x', 'float32', [1, 2, 4]);
    const graph = graphOf({
      inputs: [valueInfo('window', 'float32', [4, 2])],
      nodes: [node('Transpose', ['window'], ['t']), node('Unsqueeze', ['t', 'axes'], ['x'])],
      outputs: [transposed],
      initializers: { axes: int64([1], [0]) },
    });
    await saveModel(modelOf(graph), featuresPath);
    const samples = await openSamples(folder, {
      inputs: [{ ...input, dims: [1, 2, 4] }],
      pipeline,
      task,
      featuresPath,
    });
    const fed = (await samples.feeds(0)).x;
    assert.deepEqual(fed?.dims, [1, 2, 4]);
    assert.deepEqual(Array.from(fed?.data ?? [], Number), [0, 1, 2, 3, -1, -1, -1, -1]);
  });

  it('refuse another sensor, another rate, another shape, and a missing pipeline', async (context) => {
    const path = await recordings(context);
    const open = (changed: Partial<Pipeline>, inputs = [input]) =>
      openSamples(path, { inputs, pipeline: { ...pipeline, ...changed } });
    await assert.rejects(open({ rateHz: 100 }), {
      code: 'DATA_MISMATCH',
      message: /expected 100 samples a second, got 50/,
    });
    await assert.rejects(open({ channels: [{ name: 'z', unit: '' }] }), { message: /expected channels z, got a, b/ });
    await assert.rejects(open({}, [{ ...input, dims: [1, 9, 2] }]), { message: /takes a window, float32 \[4, 2\]/ });
    await assert.rejects(openSamples(path, { inputs: [input] }), { message: /expected a pipeline/ });
  });

  it('keep calibration and held-out apart by a window, in each recording', () => {
    const shape = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 4 }),
      length: fc.integer({ min: 1, max: 20 }),
      stride: fc.integer({ min: 1, max: 25 }),
    });
    fc.assert(
      fc.property(shape, ({ sizes, length, stride }) => {
        const windows = sizes.flatMap((size, recording) => {
          const count = Math.max(0, Math.floor((size - length) / stride) + 1);
          return Array.from({ length: count }, (_, at) => ({
            recording,
            startSample: at * stride,
            endSample: at * stride + length,
          }));
        });
        const { calibration, heldOut } = splitHeldOut(fakeSamples(windows.length, windows));
        for (const [recording] of sizes.entries()) {
          const end = Math.max(0, ...windows.filter((w) => w.recording === recording).map((w) => w.endSample));
          const of = (part: Samples) => part.windows?.filter((window) => window.recording === recording) ?? [];
          const firstHeldOut = Math.min(...of(heldOut).map((window) => window.startSample));
          const lastCalibrated = Math.max(...of(calibration).map((window) => window.endSample));
          assert.ok(firstHeldOut >= 0.7 * end - 1e-9);
          assert.ok(lastCalibrated + length <= Math.ceil(0.7 * end));
        }
      }),
    );
  });
});

describe('splitting and thinning', () => {
  it('splits independent samples into 70 and 30 %, the same way every time, nothing twice, nothing lost', async () => {
    const samples = fakeSamples(1000);
    const [first, second] = [splitHeldOut(samples), splitHeldOut(samples)];
    const indices = async (part: Samples) =>
      Promise.all(Array.from({ length: part.count }, async (_, at) => Number((await part.feeds(at)).x?.data[0])));
    const [calibration, heldOut] = [await indices(first.calibration), await indices(first.heldOut)];
    assert.equal(heldOut.length, 300);
    assert.deepEqual(
      [...calibration, ...heldOut].sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, at) => at),
    );
    assert.deepEqual(heldOut, await indices(second.heldOut));
    assert.ok(heldOut.filter((index) => index < 500).length > 100, 'expected held-out samples from the whole range');
    assert.deepEqual(first.heldOut.labels, heldOut);
  });

  it('thins evenly, from the first sample on, and never makes more than there are', () => {
    assert.deepEqual(evenly(fakeSamples(10), 4).labels, [0, 2, 5, 7]);
    assert.equal(evenly(fakeSamples(3), 10).count, 3);
  });

  it('joins several paths, recordings staying apart', async (context) => {
    const paths = [await recordings(context), await recordings(context)];
    const samples = await openSamples(paths, {
      inputs: [{ name: 'x', type: 'float32', dims: [1, 4, 2] }],
      pipeline,
      task,
    });
    assert.equal(samples.count, 24);
    assert.deepEqual([...new Set(samples.windows?.map(({ recording }) => recording))], [0, 1, 2, 3]);
    assert.deepEqual((await samples.feeds(12)).x, (await samples.feeds(0)).x);
  });
});

/** Sample `i` is the number i, with label i. */
function fakeSamples(count: number, windows?: Samples['windows']): Samples {
  return {
    count,
    labels: Array.from({ length: count }, (_, index) => index),
    feeds: async (index) => ({ x: { type: 'float32', dims: [1], data: Float32Array.of(index) } }),
    description: `${count} samples`,
    ...(windows ? { windows } : {}),
  };
}
