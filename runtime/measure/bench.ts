/** `octet bench` without its command line: prepares, measures in fresh processes, watches from outside, and reports. */
import { stat } from 'node:fs/promises';
import packageJson from '../../package.json' with { type: 'json' };
import type { Clock } from '../base/clock.ts';
import { errorFromRecord } from '../base/errors.ts';
import { readError, sha256OfFile } from '../base/files.ts';
import { findPowerMeters, type PowerMeter, readMeter } from '../hardware/power.ts';
import { type HardwareReport, probeHardware } from '../hardware/probe.ts';
import { type Readings, readingsUnder } from '../hardware/readings.ts';
import { energyFrom, latencyFrom, sustainedFrom, throughputOf, windowsFrom } from './bench-figures.ts';
import type { BenchRequest, BenchResult, Mode } from './bench-messages.ts';
import type { BenchReport } from './bench-report.ts';
import type { TrialData, TrialRequest } from './messages.ts';
import { type ResultOf, runTrial, type TrialOptions, type TrialOutcome } from './trial.ts';
import { type ProcessWatch, summarizeWatch, type Watched, watchProcess } from './watch-process.ts';

export type BenchOptions = {
  /** As the user named it. */
  readonly model: string;
  readonly modelPath: string;
  readonly data?: TrialData;
  readonly mode: Mode;
  readonly batch: number;
  readonly threads: number;
  readonly durationMs: number;
  readonly sustainedMs: number;
};

export type BenchTools = {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly readings?: Readings;
  readonly onProgress?: (fraction: number) => void;
};

type Observed = Extract<TrialOutcome<BenchResult>, { ok: true }>;

/** @throws what made the model impossible to load or run. */
export async function runBench(options: BenchOptions, tools: BenchTools): Promise<BenchReport> {
  const { clock, signal, readings = readingsUnder('/') } = tools;
  const startedAt = new Date(clock.wallMs()).toISOString();
  const trialOptions: TrialOptions = { niceness: 0, ...(signal ? { signal } : {}) };
  const { modelPath, data, threads, durationMs } = options;
  const sha256 = await sha256OfFile(modelPath).catch((cause) => Promise.reject(readError(modelPath, 'model', cause)));
  const feeds = data && (await measured({ kind: 'prepare', modelPath, data }, trialOptions)).result.feeds;
  const floor = await measured({ kind: 'floor', threads }, trialOptions);
  const meter = findPowerMeters(readings).find((found) => readMeter(found, readings) !== null);
  let watching: ProcessWatch | undefined;
  const observed = await measured(requestFrom(options, feeds), {
    ...trialOptions,
    ...(tools.onProgress ? { onProgress: tools.onProgress } : {}),
    watch: (pid) => {
      watching = watchProcess(pid, Math.min(1000, Math.max(50, durationMs / 10)), readings, meter);
      return watching;
    },
  });
  const { fromMachineMs, toMachineMs } = observed.result;
  return reportFrom(options, {
    startedAt,
    sha256,
    sizeBytes: (await stat(modelPath)).size,
    inputs: feeds ? `${feeds.length} held-out windows in turn` : 'synthetic',
    hardware: await probeHardware(),
    observed,
    floorBytes: floor.result.peakBytes,
    watched: summarizeWatch(watching?.samples ?? [], fromMachineMs, toMachineMs, meter),
    meter,
  });
}

/** About a second each, and three at least, so that one bad moment costs little; as many again may be repeated. */
function requestFrom(options: BenchOptions, feeds: BenchRequest['feeds'] | undefined): BenchRequest {
  const { modelPath, threads, mode, batch, durationMs, sustainedMs } = options;
  const windows = windowsOf(durationMs);
  const windowMs = durationMs / windows;
  const measuring = { windowMs, windows, mostWindows: 2 * windows, sustainedMs };
  return { kind: 'bench', modelPath, threads, mode, batch, ...measuring, ...(feeds ? { feeds } : {}) };
}

function windowsOf(durationMs: number): number {
  return Math.min(30, Math.max(3, Math.round(durationMs / 1000)));
}

async function measured<R extends TrialRequest>(request: R, options: TrialOptions) {
  const outcome = await runTrial(request, options);
  if (!outcome.ok) throw errorFromRecord(outcome.error);
  return outcome as Extract<TrialOutcome<ResultOf<R>>, { ok: true }>;
}

type Found = {
  readonly startedAt: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly inputs: string;
  readonly hardware: HardwareReport;
  readonly observed: Observed;
  readonly floorBytes: number;
  readonly watched: Watched;
  readonly meter: PowerMeter | undefined;
};

function reportFrom(options: BenchOptions, found: Found): BenchReport {
  const { model, mode, batch, threads, durationMs, sustainedMs } = options;
  const { observed, hardware, watched, meter } = found;
  const { result, before, after } = observed;
  const latency = latencyFrom(result.timesUs);
  const windowsWanted = windowsOf(durationMs);
  const throughputPerSecond = throughputOf(result, batch);
  const clean = result.windows.filter(({ disturbances }) => disturbances.length === 0);
  return {
    format: 1,
    startedAt: found.startedAt,
    model: { path: model, sha256: found.sha256, sizeBytes: found.sizeBytes },
    options: { mode, batch, threads, durationMs, sustainedMs, data: [...(options.data?.paths ?? [])] },
    again: againFrom(options),
    inputs: found.inputs,
    versions: { octet: packageJson.version, node: process.versions.node, onnxRuntime: result.engineVersion },
    device: deviceFrom(hardware),
    conditions: { before: { ...before }, after: { ...after } },
    load: { ms: result.loadMs },
    firstQueryUs: result.firstUs,
    warmUp: { ms: result.warmUpMs, isStable: result.isStable },
    latency,
    queries: {
      measured: result.kept.reduce((sum, at) => sum + result.windows[at]!.queries, 0),
      isBatched: result.isBatched,
      perReading: result.queriesPerReading,
      clockTickUs: result.clockTickUs,
    },
    throughputPerSecond,
    memory: {
      peakBytes: result.peakBytes,
      incrementBytes: Math.max(0, result.peakBytes - found.floorBytes),
      steadyPssBytes: watched.steadyPssBytes,
      peakPssBytes: watched.peakPssBytes,
      readings: watched.memoryReadings,
    },
    ...energyFrom(watched, meter, hardware.power, result, batch),
    isReliable: clean.length * 2 >= windowsWanted,
    windowsWanted,
    windows: windowsFrom(result.windows, result.kept),
    sustained: sustainedFrom(result, latency.p50.valueUs),
  };
}

function againFrom({ model, data, mode, batch, threads, durationMs, sustainedMs }: BenchOptions): string[] {
  return [
    ...['octet', 'bench', model, '--mode', mode, '--batch', String(batch), '--threads', String(threads)],
    ...['--duration', `${durationMs}ms`],
    ...(sustainedMs === 0 ? [] : ['--sustained', `${sustainedMs}ms`]),
    ...(data ? ['--data', ...data.paths] : []),
  ];
}

/** With what spoils figures here, and which sensors may not be read. */
function deviceFrom({ board, soc, os, kernel, cpu, remarks, gaps }: HardwareReport): BenchReport['device'] {
  const refused = gaps.filter((gap) => gap.startsWith('permission:'));
  const processor = { processor: cpu.model, cores: cpu.cores, cpuFeatures: [...cpu.features] };
  return { board, soc, os, kernel, ...processor, remarks: [...remarks, ...refused] };
}
