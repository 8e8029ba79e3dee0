import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { type FineTuneOptions, fineTune } from '../../../runtime/train/fine-tune.ts';
import type { Optimizer } from '../../../runtime/train/step/optimizers.ts';
import { withWeights } from '../../../runtime/train/with-weights.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { accuracy, disturbed, images, taughtNetwork, withoutLabels } from './small-training.ts';

const teacher = await taughtNetwork();
const student = disturbed(teacher, 1.5);
const known = images(128);
const samples = withoutLabels(known);
const unseen = images(256, 5000);
const towards: Omit<FineTuneOptions, 'steps'> = { task: 'classify', teacher, batchSize: 32, learningRate: 1e-2 };

const bytes = (weights: ReadonlyMap<string, Tensor>) => [...weights].map(([name, { data }]) => [name, [...data]]);

describe('fine-tuning', () => {
  test('without labels a disturbed model comes to decide as its teacher does, on data it has not seen', async () => {
    const [right, before] = [await accuracy(teacher, unseen), await accuracy(student, unseen)];
    const { weights, firstLoss, lastLoss } = await fineTune(student, samples, { ...towards, steps: 200 });
    const after = await accuracy(withWeights(student, weights), unseen);
    assert.ok(lastLoss < firstLoss / 10, `loss ${firstLoss} → ${lastLoss}`);
    assert.ok(right > 0.9 && before < 0.7 && after > right - 0.05, `teacher ${right}, student ${before} → ${after}`);
  });

  const optimizers: readonly Optimizer[] = [{ kind: 'sgd' }, { kind: 'adamw', weightDecay: 0.01 }];
  for (const optimizer of optimizers)
    test(`labels alone teach, too (${optimizer.kind})`, async () => {
      const options = {
        task: 'classify',
        steps: 150,
        batchSize: 32,
        learningRate: 3e-2,
        optimizer,
        clipNorm: 1,
      } as const;
      const { firstLoss, lastLoss } = await fineTune(student, known, options);
      assert.ok(lastLoss < firstLoss / 3, `loss ${firstLoss} → ${lastLoss}`);
    });

  test('a regression follows its teacher’s values', async () => {
    const { firstLoss, lastLoss } = await fineTune(student, samples, { ...towards, task: 'regress', steps: 150 });
    assert.ok(lastLoss < firstLoss / 10, `loss ${firstLoss} → ${lastLoss}`);
  });

  test('masked weights stay zero', async () => {
    const { dims, data } = constantTensor(student.graph, 'w3') as Tensor<'float32'>;
    const mask = { type: 'float32', dims, data: data.map((_, i) => i % 2) } as const;
    const { weights } = await fineTune(student, samples, { ...towards, steps: 10, masks: new Map([['w3', mask]]) });
    const trained = weights.get('w3')!.data;
    assert.ok(
      trained.every((value, i) => i % 2 === 1 || value === 0) &&
        trained.some((value, i) => i % 2 === 1 && value !== data[i]),
    );
  });

  test('only the parameters that were named move', async () => {
    const parameters = [{ name: 'w4', decays: true }];
    const { weights } = await fineTune(student, samples, { ...towards, steps: 5, parameters });
    assert.deepEqual([...weights.keys()], ['w4']);
  });

  test('equal seeds give equal bits, other seeds do not', async () => {
    const run = async (seed: number) =>
      bytes((await fineTune(student, samples, { ...towards, steps: 12, seed })).weights);
    assert.deepEqual(await run(3), await run(3));
    assert.notDeepEqual(await run(3), await run(4));
  });

  test('an interrupted training resumes to the same bits', async (t) => {
    const path = join(await temporaryFolder(t), 'training.safetensors');
    const checkpoint = { path, training: 'a test', everySteps: 5 };
    const straight = await fineTune(student, samples, { ...towards, steps: 20 });
    const controller = new AbortController();
    const stop = new Error('power cut');
    const stopping = fineTune(student, samples, {
      ...towards,
      steps: 20,
      checkpoint,
      signal: controller.signal,
      onProgress: ({ step }) => step === 12 && controller.abort(stop),
    });
    await assert.rejects(stopping, stop);
    const steps: number[] = [];
    const resumed = await fineTune(student, samples, {
      ...towards,
      steps: 20,
      checkpoint,
      onProgress: ({ step }) => steps.push(step),
    });
    assert.equal(steps[0], 13);
    assert.deepEqual(bytes(resumed.weights), bytes(straight.weights));
  });

  test('a checkpoint that is damaged, or of another training, is refused and left alone', async (t) => {
    const path = join(await temporaryFolder(t), 'training.safetensors');
    const run = (training: string) =>
      fineTune(student, samples, { ...towards, steps: 3, checkpoint: { path, training } });
    await run('one');
    const { size } = await stat(path);
    await assert.rejects(run('another'), { code: 'CHECKPOINT_INVALID', message: /of another/ });
    const written = await readFile(path);
    for (const [change, message] of [
      [(data: Buffer) => data.subarray(0, 5), /cut short/],
      [(data: Buffer) => data.subarray(0, size - 4), /changed/],
      [(data: Buffer) => Buffer.from(data).fill(7, size - 1), /changed/],
      [(data: Buffer) => Buffer.from(data).fill(0x20, 8, 12), /JSON|expected/],
    ] as const) {
      await writeFile(path, change(written));
      await assert.rejects(run('one'), { code: 'CHECKPOINT_INVALID', message });
    }
  });

  test('a loss that becomes NaN stops it, names the tensor, and keeps the last good checkpoint', async (t) => {
    const path = join(await temporaryFolder(t), 'training.safetensors');
    const training = { path, training: 'a test', everySteps: 2 };
    const poisoned = {
      ...samples,
      feeds: async (index: number) => {
        const { x } = (await samples.feeds(index)) as { x: Tensor<'float32'> };
        return { x: index === 100 ? { ...x, data: x.data.map(() => Number.NaN) } : x };
      },
    };
    await assert.rejects(fineTune(student, poisoned, { ...towards, steps: 40, checkpoint: training, seed: 2 }), {
      code: 'TRAINING_DIVERGED',
      message: /the data of "x"/,
    });
    const wild = { ...towards, steps: 60, learningRate: 1e18, schedule: 'constant', checkpoint: training } as const;
    await assert.rejects(fineTune(student, samples, wild), {
      code: 'TRAINING_DIVERGED',
      message: /"(c|y|g|\/|loss|w)/,
    });
  });

  test('labels that the model has no class for are named', async () => {
    const wrong = { ...samples, labels: Array.from({ length: 128 }, (_, i) => (i === 7 ? 4 : 0)) };
    await assert.rejects(fineTune(student, wrong, { task: 'classify', steps: 1 }), {
      code: 'DATA_MISMATCH',
      message: /y\[7\].*0 to 3.*got 4/,
    });
    await assert.rejects(fineTune(student, samples, { task: 'classify', steps: 1 }), { code: 'DATA_INVALID' });
  });

  test('progress tells steps, loss and the time left', async () => {
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const told: number[] = [];
    await fineTune(student, samples, {
      ...towards,
      steps: 4,
      clock,
      onProgress: ({ secondsLeft, loss }) => {
        assert.ok(loss > 0);
        told.push(secondsLeft);
        nowMs += 2000;
      },
    });
    assert.equal(told.length, 4);
    assert.equal(told.at(-1), 0);
    assert.ok(told[1]! > told[2]!);
  });
});
