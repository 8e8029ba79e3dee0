/**
 * Pruning and int8 together on fashion/resnet8: channels go, what is left is tuned on training images towards the whole model, and
 * `auto` finds the fastest form of both models on this machine. Throughput is compared in one process in alternating blocks,
 * accuracy on the 10,000 test images. Zeros are measured beside it, for what they are: no faster.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { progressLine } from '../../../commands/progress-line.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { openSamples } from '../../../runtime/data/open-samples.ts';
import type { Samples } from '../../../runtime/data/samples.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { speedupOf } from '../../../runtime/measure/paired-blocks.ts';
import { runTrial } from '../../../runtime/measure/trial.ts';
import { quantizeAuto } from '../../../runtime/quantize/auto/auto.ts';
import { fastTypesHere } from '../../../runtime/quantize/fast-types.ts';
import { modelInputs, prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { gatherFeeds } from '../../../runtime/train/loop/batches.ts';
import { type PrunedModel, pruneModel } from '../../../runtime/train/prune/prune-model.ts';
import { type PruneRecipe, pruneSchema } from '../../../runtime/train/prune/prune-recipe.ts';
import { countRight } from '../../../runtime/train/scratch/count-right.ts';
import type { BenchRow } from '../sections.ts';
import { fashion, hasFashion } from './fashion.ts';

const folder = join(import.meta.dirname, '../../../../shared/data/fashion');
const modelPath = join(folder, 'resnet8.onnx');

/** Two threads tune; all timing is on one. */
const channels = pruneSchema.parse({ kind: 'prune', ratio: 0.7, steps: 5000, learningRate: 0.003, threads: 2 });
const zeros = pruneSchema.parse({
  ...{ kind: 'prune', form: 'unstructured', criterion: 'l1', ratio: 0.7, steps: 100, threads: 2 },
});

const timingMs = 6000;
/** One image, as a sensor gives them, and many, where throughput counts. */
const batches = [1, 16] as const;

type Setting = { readonly prepared: Model; readonly calibration: Samples; readonly work: string };

/** @param words a number of steps in place of 5,000, or a pruned model from an earlier run in place of tuning one. */
export async function benchPrune(words: readonly string[]): Promise<readonly BenchRow[]> {
  if (!hasFashion) return [];
  const prepared = await prepareModel(modelPath);
  const calibration = await openSamples(join(folder, 'calibration.npz'), { inputs: modelInputs(prepared) });
  const work = await mkdtemp(join(tmpdir(), 'octet-bench-prune-'));
  const setting = { prepared, calibration, work };
  try {
    return [...(await channelRows(setting, words)), ...(await zeroRows(setting))];
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function channelRows(setting: Setting, words: readonly string[]): Promise<BenchRow[]> {
  const { prepared, calibration, work } = setting;
  const { path: prunedPath, how } = await prunedModel(setting, words);
  const [wholeFast, prunedFast] = [await fastest(modelPath, calibration), await fastest(prunedPath, calibration)];
  const wholePath = await written(work, 'whole.int8.onnx', wholeFast.bytes);
  const smallPath = await written(work, 'pruned.int8.onnx', prunedFast.bytes);
  const whole = await accuracyOf(prepared);
  const best = await accuracyOf(parseModel(wholeFast.bytes));
  const small = await accuracyOf(parseModel(prunedFast.bytes));
  const rows = [
    figure('resnet8, float32', whole, '%'),
    figure(`resnet8, fastest form (${share(wholeFast)} in int8)`, best, '%'),
    figure(`pruned, float32 (${how})`, await accuracyOf(await loaded(prunedPath)), '%'),
    figure(`pruned, fastest form (${share(prunedFast)} in int8)`, small, '%'),
    judged('accuracy that pruning costs between the fastest forms', best - small, 'points', '≤ 1', best - small <= 1),
    judged('accuracy that it costs against float32', whole - small, 'points', '≤ 1', whole - small <= 1),
  ];
  for (const batch of batches) {
    const ratio = await throughputRatio(wholePath, smallPath, calibration, batch);
    rows.push(judged(`throughput of the fastest forms, batches of ${batch}`, ratio, 'times', '≥ 2', ratio >= 2));
  }
  return rows;
}

async function prunedModel({ prepared, work }: Setting, words: readonly string[]) {
  const given = words.find((word) => word.endsWith('.onnx'));
  if (given) return { path: given, how: given };
  const steps = words.map(Number).find((word) => word > 0) ?? channels.steps;
  const fromMs = performance.now();
  const pruned = await pruneWith(prepared, { ...channels, steps });
  const minutes = ((performance.now() - fromMs) / 60_000).toFixed(1);
  const less = 1 - pruned.after.multiplyAdds / pruned.before.multiplyAdds;
  const how = `${(100 * less).toFixed(0)} % of multiply-adds gone, ${steps} steps in ${minutes} min`;
  return { path: await written(work, 'pruned.onnx', pruned.bytes), how };
}

async function zeroRows({ prepared, calibration, work }: Setting): Promise<BenchRow[]> {
  const { bytes, before, after } = await pruneWith(prepared, zeros);
  const path = await written(work, 'zeros.onnx', bytes);
  const compressed = after.compressedBytes / before.compressedBytes;
  return [
    figure(
      `resnet8 with ${(100 * after.zeros).toFixed(0)} % of its weights at zero, float32`,
      await accuracyOf(parseModel(bytes)),
      '%',
    ),
    figure('its throughput over that without zeros', await throughputRatio(modelPath, path, calibration, 1), 'times'),
    judged('its compressed size over that without zeros', compressed, '', '≤ 0.5', compressed <= 0.5),
  ];
}

function figure(name: string, value: number, unit: string): BenchRow {
  return { name, value, unit, target: '', ok: true };
}

function judged(name: string, value: number, unit: string, target: string, ok: boolean): BenchRow {
  return { name, value, unit, target, ok };
}

async function pruneWith(prepared: Model, recipe: PruneRecipe): Promise<PrunedModel> {
  const progress = progressLine(process.stderr, systemClock);
  try {
    return await pruneModel(prepared, fashion('train'), recipe, { classifies: true, onProgress: progress.show });
  } finally {
    progress.end();
  }
}

function fastest(path: string, calibration: Samples) {
  const { activation, reduceRange } = fastTypesHere();
  return quantizeAuto(path, calibration, {
    ...{ activation, reduceRange, threads: 1, samples: 256, searchMs: 20_000 },
    budget: { maxDrop: 0.01, maxDisagreement: 0.02 },
  });
}

function share({ multiplyAdds }: Awaited<ReturnType<typeof fastest>>): string {
  return `${(100 * multiplyAdds.share).toFixed(0)} %`;
}

async function written(work: string, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(work, name);
  await writeFile(path, bytes);
  return path;
}

async function loaded(path: string): Promise<Model> {
  return parseModel(new Uint8Array(await readFile(path)));
}

/** Per cent of the test images, as the optimised session decides. */
async function accuracyOf(model: Model): Promise<number> {
  const { right, of } = await countRight(model, fashion('t10k'));
  return (100 * right) / of;
}

async function throughputRatio(baselinePath: string, path: string, samples: Samples, batch: number): Promise<number> {
  const starts = Array.from({ length: 8 }, (_, index) => index * batch);
  const feeds = await Promise.all(
    starts.map((start) =>
      gatherFeeds(
        samples,
        Array.from({ length: batch }, (_, index) => start + index),
      ),
    ),
  );
  const outcome = await runTrial(
    { kind: 'paired', baselinePath, modelPath: path, threads: 1, feeds, budgetMs: timingMs },
    { niceness: 0 },
  );
  if (!outcome.ok) throw new Error(outcome.error.message);
  return speedupOf(outcome.result.rounds, 'throughput').value;
}
