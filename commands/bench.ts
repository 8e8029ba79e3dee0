/** `octet bench MODEL`: one model in a fresh process, in MLPerf's terms. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { writeFileAtomic } from '../runtime/base/files.ts';
import { runBench } from '../runtime/measure/bench.ts';
import { type Mode, modes } from '../runtime/measure/bench-messages.ts';
import { benchJsonSchema } from '../runtime/measure/bench-report.ts';
import type { TrialData } from '../runtime/measure/messages.ts';
import { defaultBatch } from '../runtime/measure/query.ts';
import { benchPage } from '../runtime/measure/report/bench-page.ts';
import { benchCsv } from './bench-csv.ts';
import { renderBench } from './bench-lines.ts';
import { type ModelArgument, readModelArgument } from './model-argument.ts';
import { durationMsFrom, threadsFrom } from './options.ts';
import { progressLine } from './progress-line.ts';

type Options = {
  mode: Mode;
  threads: number;
  batch?: number;
  duration: number;
  sustained?: number;
  data?: string[];
  json?: boolean;
  csv?: string;
  report?: string;
  schema?: boolean;
};

export function define(command: Command): void {
  command
    .argument('[model]', 'an .onnx file, or a folder with manifest.json')
    .addOption(
      new Option('--mode <mode>', "how queries come, in MLPerf's words").choices(modes).default('single-stream'),
    )
    .option('--threads <n>', 'threads of one inference', threadsFrom, 1)
    .option('--batch <n>', 'samples in one query (default: 1; multi-stream 8; offline 32)', batchFrom)
    .option('--duration <time>', 'how long to measure: 500ms, 5s, 1min', durationMsFrom, 30_000)
    .addOption(
      new Option(
        '--sustained [time]',
        'go on for so long, 10 minutes if it is not said, and compare cold with sustained',
      )
        .preset('10min')
        .argParser(durationMsFrom),
    )
    .option('--data <path...>', '.npz, folder of .npy or recordings; without it the input is synthetic')
    .option('--json', 'print one JSON document')
    .option('--csv <file>', 'write a row per window, those left out too')
    .option('--report <file>', 'write a page: the figures, window by window, cold against sustained')
    .option('--schema', 'print the JSON Schema of what --json prints, and measure nothing')
    .action(async (model: string | undefined, options: Options) => {
      const text = options.schema ? JSON.stringify(benchJsonSchema(), null, 2) : await bench(model, options);
      process.stdout.write(`${text}\n`);
    });
}

async function bench(model: string | undefined, options: Options): Promise<string> {
  if (model === undefined)
    throw new OctetError('USAGE', 'octet bench: expected a model, got none', { hint: 'octet bench MODEL.onnx' });
  const { mode, threads, batch = defaultBatch[mode], duration, sustained = 0, data } = options;
  const argument = await readModelArgument(model);
  const progress = progressLine(process.stderr, systemClock);
  const report = await runBench(
    {
      ...{ model, modelPath: argument.modelPath, mode, batch, threads, durationMs: duration, sustainedMs: sustained },
      ...(data ? { data: trialDataFrom(argument, data) } : {}),
    },
    { clock: systemClock, onProgress: (fraction) => progress.show(fraction, `measuring ${model}`) },
  ).finally(() => progress.end());
  if (options.csv !== undefined) await writeFileAtomic(options.csv, benchCsv(report));
  if (options.report !== undefined) await writeFileAtomic(options.report, benchPage(report));
  return options.json ? JSON.stringify(report) : renderBench(report);
}

function trialDataFrom({ task, pipeline, featuresPath }: ModelArgument, paths: string[]): TrialData {
  return {
    paths,
    ...(task ? { task } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath === undefined ? {} : { featuresPath }),
  };
}

function batchFrom(text: string): number {
  const batch = Number(text);
  if (Number.isInteger(batch) && batch >= 1 && batch <= 4096) return batch;
  throw new InvalidArgumentError('expected a number of samples, 1 to 4096.');
}
