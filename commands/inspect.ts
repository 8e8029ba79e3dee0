/** `octet inspect`: what a model is and what quantising would make of it; with two models, where the error arises. */
import type { Command } from 'commander';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { openSamples } from '../runtime/data/open-samples.ts';
import { evenly, type Samples } from '../runtime/data/samples.ts';
import { loadModel } from '../runtime/graph/load.ts';
import { inspectModel } from '../runtime/quantize/inspect/inspect-model.ts';
import { inspectPair } from '../runtime/quantize/inspect/inspect-pair.ts';
import { modelInputs } from '../runtime/quantize/prepare/prepare.ts';
import { reportPair } from '../runtime/quantize/report/report-pair.ts';
import { modelLines } from './inspect-lines.ts';
import { watchInterrupt } from './interrupt.ts';
import { readModelArgument } from './model-argument.ts';
import { countFrom } from './options.ts';
import { pairLines } from './pair-lines.ts';
import { progressLine } from './progress-line.ts';

type Options = { data: string[]; samples: number; report?: string; json?: boolean };

export function define(command: Command): void {
  command
    .argument('<model>', 'an ONNX file, or a folder with a manifest')
    .argument('[quantised]', 'a model made from it: shows the error layer by layer')
    .option('--data <paths...>', 'what to run on; needed for two models', [])
    .option('--samples <n>', 'at most so many samples, spread evenly over the data', countFrom, 64)
    .option('--report <file>', 'two models: one self-contained HTML page, with latencies measured here')
    .option('--json', 'one JSON document on stdout')
    .action(run);
}

async function run(path: string, quantized: string | undefined, options: Options): Promise<void> {
  if (quantized !== undefined) return runPair(path, quantized, options);
  if (options.report !== undefined)
    throw new OctetError('USAGE', '--report: expected two models to compare, got one', {
      hint: `octet inspect ${path} QUANTISED.onnx --data DATA --report ${options.report}`,
    });
  const samples = options.data.length > 0 ? await samplesFor(path, options) : undefined;
  const { modelPath } = await readModelArgument(path);
  print(await inspectModel(modelPath, await samples?.feeds(0)), modelLines, options);
}

async function runPair(path: string, quantized: string, options: Options): Promise<void> {
  const [{ modelPath }, other] = [await readModelArgument(path), await readModelArgument(quantized)];
  const samples = await samplesFor(path, options);
  const progress = progressLine(process.stderr, systemClock);
  using interrupt = watchInterrupt('interrupted; nothing was written');
  const shared = { onProgress: progress.show, signal: interrupt.signal };
  try {
    const report = await (options.report === undefined
      ? inspectPair(modelPath, other.modelPath, samples, shared)
      : reportPair(modelPath, other.modelPath, samples, { ...shared, path: options.report }));
    progress.end();
    print(report, pairLines, options);
  } finally {
    progress.end();
  }
}

async function samplesFor(path: string, { data, samples }: Options): Promise<Samples> {
  if (data.length === 0)
    throw new OctetError('USAGE', '--data: expected data to compare two models on, got none', {
      hint: 'Add --data DATA.npz (any inputs that the model really sees).',
    });
  const argument = await readModelArgument(path);
  const inputs = modelInputs(await loadModel(argument.modelPath));
  return evenly(await openSamples(data, { ...argument, inputs }), samples);
}

function print<T>(report: T, lines: (report: T) => readonly string[], { json }: Options): void {
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${lines(report).join('\n')}\n`);
}
