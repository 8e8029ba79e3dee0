/** Measurements and choice → evidence. */
import { resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { sha256OfFile } from '../base/files.ts';
import type { HardwareReport } from '../hardware/probe.ts';
import { doubtsAbout } from '../measure/conditions.ts';
import type { LatencySummary, PrepareResult } from '../measure/messages.ts';
import type { SessionSettings } from '../measure/session-settings.ts';
import { median } from '../measure/statistics.ts';
import type { Choice } from './choose.ts';
import { digestData } from './digest-data.ts';
import type { Evidence } from './evidence.ts';
import { gainOf, type Measured } from './measured.ts';
import type { Measurements } from './race.ts';
import { defaultTimeMs, type SelectionRequest } from './selection.ts';
import type { TrialEvidence } from './trial-evidence.ts';

export type Recorded = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  readonly hardware: HardwareReport;
  readonly measurements: Measurements;
  readonly choice: Choice;
  readonly excluded: readonly { readonly variant: string; readonly reason: string }[];
  readonly search: Omit<Evidence['search'], 'rounds'>;
  readonly timeline: Evidence['timeline'];
  readonly spentMs: Evidence['spentMs'];
  readonly createdMs: number;
  readonly durationMs: number;
};

export async function evidenceFrom(recorded: Recorded): Promise<Evidence> {
  const { request, prepared, hardware, measurements, choice, excluded, search, timeline, spentMs } = recorded;
  const { createdMs, durationMs } = recorded;
  const { measured, floorBytes, rounds } = measurements;
  const { modelPath, featuresPath, task, pipeline, data } = request;
  const usual = measured[0]!;
  const absolute = (path: string) => resolve(path);
  return {
    format: 2,
    createdMs,
    durationMs,
    spentMs,
    outcome: choice.outcome,
    verdict: choice.verdict,
    chosen: choice.chosen,
    chosenSha256: measured.find(({ name }) => name === choice.chosen)!.variant.sha256,
    model: {
      path: absolute(modelPath),
      sha256: usual.variant.sha256,
      featuresPath: featuresPath === undefined ? null : absolute(featuresPath),
      featuresSha256: featuresPath === undefined ? null : await sha256OfFile(featuresPath),
      task: task ?? prepared.task,
      pipeline: pipeline ?? null,
    },
    data: {
      paths: data.map(absolute),
      sha256: await digestData(data),
      heldOut: usual.alone?.result.decided?.description ?? '',
      heldOutWindows: prepared.heldOutWindows,
    },
    demands: demandsFrom(request, usual.settings),
    environment: environmentFrom(hardware, prepared.engineVersion),
    timeline,
    floorBytes,
    doubts: doubtsOf(measured, hardware.cpu.cores),
    search: { ...search, rounds },
    trials: measured.map((entry, at) =>
      trialFrom(entry, choice, measured.findIndex(({ variant }) => variant === entry.variant) === at),
    ),
    excluded: [...excluded],
  };
}

function demandsFrom(request: SelectionRequest, usual: SessionSettings): Evidence['demands'] {
  const { objective, latencyP95Us, memoryBytes, memoryIncrementBytes, budget, timeMs, searchSettings } = request;
  return {
    objective,
    latencyP95Us: latencyP95Us ?? null,
    memoryBytes: memoryBytes ?? null,
    memoryIncrementBytes: memoryIncrementBytes ?? null,
    ...budget,
    timeMs: timeMs ?? defaultTimeMs,
    usual,
    searched: searchSettings ?? false,
  };
}

/** What makes the trials doubtful, each reason once. @param cores of the device. */
export function doubtsOf(measured: readonly Measured[], cores: number): string[] {
  const observed = measured.flatMap(({ alone, paired }) => [alone ?? [], paired ?? []].flat());
  const doubts = new Set(observed.flatMap(({ before, after }) => doubtsAbout(before, after)));
  return [
    ...doubts,
    ...crowded(
      observed.map(({ before }) => before.load1),
      cores,
    ),
  ];
}

/** A trial itself adds one to the load; more than the cores beside it means that it waited for them. */
function crowded(loads: readonly number[], cores: number): string[] {
  const load = loads.length === 0 ? 0 : median(loads);
  if (cores === 0 || load <= cores + 1) return [];
  return [`other work ran beside (load ${load.toFixed(1)} on ${cores} cores): run it again when the device is calm`];
}

function environmentFrom({ board, soc, kernel, cpu }: HardwareReport, onnxRuntime: string): Evidence['environment'] {
  return {
    octet: packageJson.version,
    node: process.versions.node,
    onnxRuntime,
    board,
    soc,
    kernel,
    arch: process.arch,
    cores: cpu.cores,
    cpuFeatures: [...cpu.features],
  };
}

/** @param isFirst of its variant: what became of the nodes is given once. */
function trialFrom(entry: Measured, choice: Choice, isFirst: boolean): TrialEvidence {
  const { name, variant, settings, accuracy, failure } = entry;
  const { sha256, sizeBytes, recipe, outcomes } = variant;
  return {
    name,
    variant: variant.name,
    settings,
    sha256,
    sizeBytes,
    recipe,
    nodes: isFirst ? outcomes.map((outcome) => ({ ...outcome })) : [],
    alone: aloneFrom(entry),
    paired: pairedFrom(entry),
    accuracy: accuracy && { ...accuracy },
    failure,
    fate: choice.fates[name] ?? 'untimed',
    reason: choice.reasons[name] ?? '',
  };
}

function aloneFrom({ alone, energy }: Measured): TrialEvidence['alone'] {
  if (alone === null) return null;
  const { result, before, after } = alone;
  const { loadMs, firstUs, latency, throughputPerSecond, memory, isStable } = result;
  const common = { loadMs, firstUs, throughputPerSecond, ...memory, energy, isStable, before, after };
  return { ...common, latency: latencyFrom(latency) };
}

function pairedFrom(entry: Measured): TrialEvidence['paired'] {
  const { paired } = entry;
  if (paired === null) return null;
  const { result, before, after } = paired;
  const { baseline, latency, callsPerBlock, isStable, rounds } = result;
  return {
    float32: latencyFrom(baseline),
    variant: latencyFrom(latency),
    callsPerBlock,
    isStable,
    blocks: rounds.map((round) => ({
      float32P50Us: round.baselineP50Us,
      variantP50Us: round.variantP50Us,
      float32MeanUs: round.baselineMeanUs,
      variantMeanUs: round.variantMeanUs,
    })),
    speedup: gainOf(entry, 'latency')!,
    throughputGain: gainOf(entry, 'throughput')!,
    before,
    after,
  };
}

function latencyFrom({ quantilesUs, ...summary }: LatencySummary): NonNullable<TrialEvidence['alone']>['latency'] {
  return { ...summary, quantilesUs: [...quantilesUs] };
}
