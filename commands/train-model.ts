/** `octet models train`: a model from its form and labelled data alone, on this machine. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import pico from 'picocolors';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { readInput, sha256Of, sha256OfFile } from '../runtime/base/files.ts';
import { parseJson } from '../runtime/base/json.ts';
import { openSamples } from '../runtime/data/open-samples.ts';
import type { Samples } from '../runtime/data/samples.ts';
import { loadModel } from '../runtime/graph/load.ts';
import type { Model } from '../runtime/graph/model.ts';
import { saveModel } from '../runtime/graph/save.ts';
import { modelInputs } from '../runtime/quantize/prepare/prepare.ts';
import { architectureSchema, buildArchitecture } from '../runtime/train/scratch/architecture.ts';
import { countRight } from '../runtime/train/scratch/count-right.ts';
import { trainModel } from '../runtime/train/scratch/train-model.ts';
import { watchInterrupt } from './interrupt.ts';
import { countFrom, threadsFrom } from './options.ts';
import { progressLine } from './progress-line.ts';

export type TrainOptions = {
  data: string[];
  test?: string[];
  output: string;
  epochs: number;
  batchSize: number;
  learningRate: number;
  optimizer: 'sgd' | 'adamw';
  weightDecay: number;
  seed: number;
  threads: number;
  checkpoint?: string;
  json?: boolean;
};

/** What is told at the end. */
type Report = {
  readonly output: string;
  readonly seconds: number;
  readonly loss: { readonly first: number; readonly last: number };
  readonly accuracy: { readonly right: number; readonly of: number } | null;
};

export function defineTrain(command: Command): void {
  command
    .command('train')
    .description('train a model from scratch: its form, and labelled data')
    .argument('<form>', 'a .json file that declares layers, or an .onnx file whose weights are drawn anew')
    .requiredOption('--data <paths...>', 'labelled data: .npz or folders of .npy, labels in y')
    .option('--test <paths...>', 'labelled data that only judges the result')
    .requiredOption('-o, --output <file>', 'the trained float32 model')
    .option('--epochs <n>', 'times that every sample is seen', numberFrom, 8)
    .option('--batch-size <n>', 'samples a step', countFrom, 128)
    .option('--learning-rate <x>', 'its peak; it rises over 100 steps and falls along a cosine', numberFrom, 0.1)
    .option('--optimizer <name>', 'sgd (momentum 0.9) or adamw', optimizerFrom, 'sgd')
    .option('--weight-decay <x>', 'pull of weights towards zero', numberFrom, 5e-4)
    .option('--seed <n>', 'of weights and order: equal seeds give equal bytes on one architecture', countFrom, 1)
    .option('--threads <n>', 'threads that share the work', threadsFrom, 1)
    .option('--checkpoint <file>', 'kept every 200 steps; where it lies, training goes on from there')
    .option('--json', 'one JSON document on stdout')
    .action(run);
}

async function run(form: string, options: TrainOptions): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  try {
    const report = await trainFile(form, options, progress.show);
    progress.end();
    process.stdout.write(`${options.json ? JSON.stringify(report) : lines(report).join('\n')}\n`);
  } finally {
    progress.end();
  }
}

async function trainFile(
  path: string,
  options: TrainOptions,
  onProgress: (fraction: number, detail: string) => void,
): Promise<Report> {
  refuseOverwriting(path, options.output);
  using interrupt = watchInterrupt(
    options.checkpoint === undefined
      ? 'interrupted; nothing was written'
      : `interrupted; ${options.checkpoint} has the state: the same command goes on from there`,
  );
  const form = await readForm(path);
  const samples = await labelledSamples(form, options.data, '--data');
  const test = options.test && (await labelledSamples(form, options.test, '--test'));
  const startMs = systemClock.monotonicMs();
  const { model, firstLoss, lastLoss } = await trainModel(form, samples, {
    ...settingsFrom(options),
    ...(await checkpointOf(path, samples, options)),
    signal: interrupt.signal,
    onProgress: ({ step, steps, loss }) =>
      onProgress(step / steps, `step ${step} of ${steps}, loss ${loss.toPrecision(3)}`),
  });
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  await saveModel(model, options.output);
  const accuracy = test ? await countRight(model, test) : null;
  return { output: options.output, seconds, loss: { first: firstLoss, last: lastLoss }, accuracy };
}

/** Steps over which the learning rate rises: before the running averages are settled, a large one does harm. */
const warmupSteps = 100;

function settingsFrom({ epochs, batchSize, learningRate, optimizer, weightDecay, seed, threads }: TrainOptions) {
  return {
    epochs,
    batchSize,
    learningRate,
    seed,
    threads,
    warmup: warmupSteps,
    optimizer: { kind: optimizer, weightDecay },
  };
}

/** A checkpoint goes with the form, the data and the settings; threads may change, as they change only last bits. */
async function checkpointOf(form: string, samples: Samples, { checkpoint, threads: _, ...options }: TrainOptions) {
  if (checkpoint === undefined) return {};
  const { output: __, test: ___, json: ____, ...settings } = options;
  const about = [await sha256OfFile(form), samples.description, JSON.stringify(settings)];
  return { checkpoint: { path: checkpoint, training: sha256Of(about.join('\n')) } };
}

async function readForm(path: string): Promise<Model> {
  if (!path.endsWith('.json')) return loadModel(path);
  const text = new TextDecoder().decode(await readInput(path, 'form'));
  return buildArchitecture(parseJson(text, architectureSchema, { code: 'CONFIG_INVALID', what: path }));
}

async function labelledSamples(form: Model, paths: readonly string[], option: string): Promise<Samples> {
  const samples = await openSamples(paths, { inputs: modelInputs(form) });
  if (samples.labels) return samples;
  throw new OctetError('DATA_INVALID', `${option}: expected labels, got data without an array y`, {
    hint: 'y holds one integer class index per sample. Without labels a model can only follow another: octet quantize --recipe qat.',
  });
}

function refuseOverwriting(form: string, output: string): void {
  if (resolve(form) !== resolve(output)) return;
  throw new OctetError('USAGE', `--output: expected another file than the form, got ${output} for both`, {
    hint: 'Write the trained model beside it.',
  });
}

function lines({ output, seconds, loss, accuracy }: Report): string[] {
  const judged = accuracy
    ? [`${((100 * accuracy.right) / accuracy.of).toFixed(2)} % right of ${accuracy.of.toLocaleString('en-US')}`]
    : [];
  return [
    ...judged,
    `loss ${loss.first.toPrecision(3)} → ${loss.last.toPrecision(3)} in ${Math.round(seconds).toLocaleString('en-US')} s`,
    pico.bold(output),
  ];
}

function optimizerFrom(text: string): 'sgd' | 'adamw' {
  if (text === 'sgd' || text === 'adamw') return text;
  throw new InvalidArgumentError('expected sgd or adamw.');
}

/** `0.1` → 0.1. */
function numberFrom(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number from 0.');
}
