/** `octet bench MODEL`: one model in a fresh process. */
import type { Command } from 'commander';
import pico from 'picocolors';
import { errorFromRecord } from '../runtime/base/errors.ts';
import type { AloneResult, TrialData, TrialRequest } from '../runtime/measure/messages.ts';
import { type ResultOf, runTrial, type TrialOutcome } from '../runtime/measure/trial.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { readModelArgument } from './model-argument.ts';
import { durationMsFrom, threadsFrom } from './options.ts';
import { countText, timeText } from './trial-table.ts';

type Options = { threads: number; duration: number; data?: string[]; json?: boolean };

/** What `--json` prints. Latencies in microseconds, memory in bytes. */
export type BenchReport = {
  readonly model: string;
  readonly threads: number;
  readonly inputs: string;
  readonly loadMs: number;
  readonly firstUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly calls: number;
  readonly throughputPerSecond: number;
  readonly peakMemoryBytes: number;
  readonly memoryIncrementBytes: number;
  readonly pssBytes: number | null;
  /** False when the times had not settled after the warm-up. */
  readonly isStable: boolean;
  readonly onnxRuntime: string;
};

export function define(command: Command): void {
  command
    .argument('<model>', 'an .onnx file, or a folder with manifest.json')
    .option('--threads <n>', 'threads of one inference', threadsFrom, 1)
    .option('--duration <time>', 'how long to measure: 500ms, 5s, 1min', durationMsFrom, 5000)
    .option('--data <path...>', '.npz, folder of .npy or recordings; without it the input is synthetic')
    .option('--json', 'print one JSON document')
    .action(async (model: string, options: Options) => {
      const report = await bench(model, options);
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${renderBench(report)}\n`);
    });
}

async function bench(model: string, { threads, duration, data }: Options): Promise<BenchReport> {
  const { modelPath, featuresPath, pipeline, task } = await readModelArgument(model);
  const source: TrialData | undefined = data && {
    paths: data,
    ...(task ? { task } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(featuresPath === undefined ? {} : { featuresPath }),
  };
  const feeds = source && (await measured({ kind: 'prepare', modelPath, data: source })).feeds;
  const floor = await measured({ kind: 'floor', threads });
  // In the foreground: here nothing else is to be spared.
  const alone = await measured({
    kind: 'alone',
    modelPath,
    threads,
    throughputMs: duration,
    ...(feeds ? { feeds } : {}),
  });
  const inputs = feeds ? `${feeds.length} held-out windows in turn` : 'synthetic';
  return reportFrom(model, threads, inputs, alone, floor.peakBytes);
}

async function measured<R extends TrialRequest>(request: R): Promise<ResultOf<R>> {
  const outcome: TrialOutcome<ResultOf<R>> = await runTrial(request, { niceness: 0 });
  if (!outcome.ok) throw errorFromRecord(outcome.error);
  return outcome.result;
}

function reportFrom(
  model: string,
  threads: number,
  inputs: string,
  alone: AloneResult,
  floorBytes: number,
): BenchReport {
  const { loadMs, firstUs, latency, throughputPerSecond, memory, isStable, engineVersion } = alone;
  const { p50Us, p90Us, p99Us, calls } = latency;
  return {
    model,
    threads,
    inputs,
    loadMs,
    firstUs,
    ...{ p50Us, p90Us, p99Us, calls },
    throughputPerSecond,
    peakMemoryBytes: memory.peakBytes,
    memoryIncrementBytes: Math.max(0, memory.peakBytes - floorBytes),
    pssBytes: memory.pssBytes,
    isStable,
    onnxRuntime: engineVersion,
  };
}

function renderBench(report: BenchReport): string {
  const lines: readonly (readonly [string, string])[] = [
    ['model', report.model],
    ['engine', `ONNX Runtime ${report.onnxRuntime}, ${report.threads} thread${report.threads === 1 ? '' : 's'}`],
    ['inputs', report.inputs],
    ['load', `${report.loadMs.toFixed(1)} ms, first inference ${timeText(report.firstUs)}`],
    ['latency', `p50 ${timeText(report.p50Us)}   p90 ${timeText(report.p90Us)}   p99 ${timeText(report.p99Us)}`],
    ['throughput', `${countText(report.throughputPerSecond)} per second (${countText(report.calls)} calls)`],
    [
      'memory',
      `peak ${bytesText(report.peakMemoryBytes)}, ${bytesText(report.memoryIncrementBytes)} over a model of one node`,
    ],
    ...(report.isStable ? [] : [['unstable', 'times had not settled: is the machine busy or throttled?'] as const]),
  ];
  return lines.map(([name, value]) => `${pico.dim(name.padEnd(12))} ${value}`).join('\n');
}
