import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OctetError } from '../../../runtime/base/errors.ts';
import { float32, node, valueInfo } from '../../../runtime/graph/build.ts';
import { type CustomObserver, observe } from '../../../runtime/quantize/observe.ts';
import { minMaxObserver } from '../../../runtime/quantize/observers/extremes.ts';
import type { Observer } from '../../../runtime/quantize/observers/observer.ts';
import { modelFrom, noise, noiseSamples, samplesOf } from './small-models.ts';

const root = modelFrom([node('Sqrt', ['x'], ['root'], {}, 'root'), node('Relu', ['root'], ['y'], {}, 'relu')], [1, 4]);

test('ranges are taken of inputs, of inner tensors and of outputs alike', async () => {
  const samples = samplesOf([float32([1, 4], [1, 4, 9, 0]), float32([1, 4], [16, 0, 0, 0])]);
  const observation = await observe(root, ['x', 'root', 'y'], samples, { observers: ['min-max'] });
  assert.deepEqual(
    [...observation.get('min-max')!],
    [
      ['x', { min: 0, max: 16 }],
      ['root', { min: 0, max: 4 }],
      ['y', { min: 0, max: 4 }],
    ],
  );
});

test('several observers share one pass', async () => {
  let seen = 0;
  const observation = await observe(root, ['x'], noiseSamples([1, 4], 5), {
    observers: ['min-max', 'mse'],
    onSample: () => {
      seen += 1;
    },
  });
  assert.deepEqual([...observation.keys()], ['min-max', 'mse']);
  assert.equal(seen, 5);
});

test('NaN is an error that names the tensor and the sample', async () => {
  const samples = samplesOf([float32([1, 4], [1, 1, 1, 1]), float32([1, 4], [1, -1, 1, 1])]);
  await assert.rejects(observe(root, ['x', 'root'], samples, { observers: ['min-max'] }), (error: OctetError) => {
    assert.equal(error.code, 'DATA_INVALID');
    assert.match(error.message, /sample 1: tensor "root": expected finite values, got NaN/);
    return true;
  });
});

test('extremes that the runtime finds are those of the values', async () => {
  const samples = noiseSamples([1, 4], 5);
  const byValues = { name: 'by-values', create: () => withoutExtremes(minMaxObserver()) };
  const options = { observers: ['min-max', byValues] as (CustomObserver | 'min-max')[] };
  const square = modelFrom(
    [node('Mul', ['x', 'x'], ['square'], {}, 's'), node('Relu', ['square'], ['y'], {}, 'r')],
    [1, 4],
  );
  const [alone, both] = [
    await observe(square, ['x', 'square', 'y'], samples, { observers: ['min-max'] }),
    await observe(square, ['x', 'square', 'y'], samples, options),
  ];
  assert.deepEqual([...alone.get('min-max')!], [...both.get('by-values')!]);
});

test('values whose sum overflows are still finite', async () => {
  const samples = samplesOf([float32([1, 4], [3e38, 3e38, 3e38, 1])]);
  const same = modelFrom([node('Neg', ['x'], ['n'], {}, 'n'), node('Neg', ['n'], ['y'], {}, 'y')], [1, 4]);
  const observation = await observe(same, ['n'], samples, { observers: ['min-max'] });
  assert.deepEqual(observation.get('min-max')!.get('n'), { min: -Math.fround(3e38), max: -1 });
});

test('a tensor that is empty in every sample has no range', async () => {
  const samples = samplesOf([float32([0, 4], [])]);
  const observation = await observe(
    { ...root, graph: { ...root.graph, inputs: [valueInfo('x', 'float32', [null, 4])] } },
    ['root'],
    samples,
    { observers: ['min-max'] },
  );
  assert.equal(observation.get('min-max')!.size, 0);
});

test('infinity in the data is an error that names the input', async () => {
  const samples = samplesOf([float32([1, 4], [1, Number.POSITIVE_INFINITY, 1, 1])]);
  await assert.rejects(observe(root, ['x'], samples, { observers: ['mse'] }), /sample 0: tensor "x".*Infinity/);
});

test('samples of another shape are a mismatch, told before anything runs', async () => {
  await assert.rejects(
    observe(root, ['x'], noiseSamples([1, 5]), { observers: ['min-max'] }),
    (error: OctetError) => error.code === 'DATA_MISMATCH',
  );
});

test('observing stops at the next sample when it is aborted', async () => {
  const controller = new AbortController();
  const observing = observe(root, ['x'], noiseSamples([1, 4], 1000), {
    observers: ['min-max'],
    signal: controller.signal,
    onSample: (seen) => {
      if (seen === 3) controller.abort(new OctetError('CANCELLED', 'enough'));
      assert.ok(seen <= 3);
    },
  });
  await assert.rejects(observing, (error: OctetError) => error.code === 'CANCELLED');
});

test('memory does not grow with the number of samples', async () => {
  const dims = [1, 256 * 1024];
  const wide = modelFrom([node('Neg', ['x'], ['n'], {}, 'n'), node('Relu', ['n'], ['y'], {}, 'y')], dims);
  const sample = noise(dims);
  const peakAfter = async (count: number) => {
    let peak = 0;
    const samples = { ...samplesOf([]), count, feeds: async () => ({ x: sample }) };
    const onSample = () => {
      peak = Math.max(peak, process.memoryUsage.rss());
    };
    await observe(wide, ['n', 'y'], samples, { observers: ['min-max'], onSample });
    return peak;
  };
  const few = await peakAfter(50);
  const many = await peakAfter(500);
  // Kept, 450 more samples of two tensors of 1 MiB would be 900 MiB; the allowance is for the collector's laziness.
  assert.ok(many - few < 150 * 2 ** 20, `expected no growth, got ${((many - few) / 2 ** 20).toFixed(0)} MiB more`);
});

function withoutExtremes({ add, range }: Observer): Observer {
  return { add, range };
}
