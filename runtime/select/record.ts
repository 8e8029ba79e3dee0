/** Measurements and choice → evidence. */
import packageJson from '../../package.json' with { type: 'json' };
import { sha256OfFile } from '../base/files.ts';
import type { HardwareReport } from '../hardware/probe.ts';
import { doubtsAbout } from '../measure/conditions.ts';
import type { PrepareResult } from '../measure/messages.ts';
import { speedupOf } from '../measure/paired-blocks.ts';
import type { Choice } from './choose.ts';
import { digestData } from './digest-data.ts';
import type { Evidence } from './evidence.ts';
import type { Measurements } from './measure-variants.ts';
import type { Measured } from './measured.ts';
import type { SelectionRequest } from './selection.ts';
import { contenderName, plainSettings } from './session-settings.ts';
import type { TrialEvidence } from './trial-evidence.ts';

export type Recorded = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  readonly hardware: HardwareReport;
  readonly measurements: Measurements;
  readonly choice: Choice;
  readonly excluded: readonly { readonly variant: string; readonly reason: string }[];
  readonly timeline: Evidence['timeline'];
  readonly spentMs: Evidence['spentMs'];
  readonly createdMs: number;
  readonly durationMs: number;
};

export async function evidenceFrom(recorded: Recorded): Promise<Evidence> {
  const { request, prepared, hardware, measurements, choice, excluded, timeline, spentMs } = recorded;
  const { createdMs, durationMs } = recorded;
  const { variants, floorBytes } = measurements;
  const { modelPath, featuresPath, task, pipeline, data } = request;
  const [float32] = variants;
  return {
    format: 2,
    createdMs,
    durationMs,
    spentMs,
    outcome: choice.outcome,
    verdict: choice.verdict,
    chosen: choice.chosen,
    chosenSha256: variants.find(({ name }) => name === choice.chosen)!.sha256,
    model: {
      path: modelPath,
      sha256: float32!.sha256,
      featuresPath: featuresPath ?? null,
      featuresSha256: featuresPath === undefined ? null : await sha256OfFile(featuresPath),
      task: task ?? null,
      pipeline: pipeline ?? null,
    },
    data: {
      paths: [...data],
      sha256: await digestData(data),
      heldOut: float32?.alone?.result.decided?.description ?? '',
      heldOutWindows: prepared.heldOutWindows,
    },
    demands: demandsFrom(request),
    environment: environmentFrom(hardware, prepared.engineVersion),
    timeline,
    floorBytes,
    doubts: doubtsOf(variants),
    search: { mode: 'full', note: '', reference: null, rounds: [] },
    trials: variants.map((variant) => trialFrom(variant, choice)),
    excluded: [...excluded],
  };
}

function demandsFrom({ objective, threads, memoryBytes, budget }: SelectionRequest): Evidence['demands'] {
  return {
    objective,
    latencyP95Us: null,
    memoryBytes: memoryBytes ?? null,
    memoryIncrementBytes: null,
    ...budget,
    timeMs: 60_000,
    usual: { ...plainSettings, threads },
    searched: false,
  };
}

/** What makes the trials doubtful, each reason once. */
export function doubtsOf(variants: readonly Measured[]): string[] {
  const observed = variants.flatMap(({ alone, paired }) => [alone ?? [], paired ?? []].flat());
  return [...new Set(observed.flatMap(({ before, after }) => doubtsAbout(before, after)))];
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

function trialFrom(variant: Measured, choice: Choice): TrialEvidence {
  const { name, sha256, sizeBytes, recipe, outcomes, accuracy, failure } = variant;
  return {
    name: contenderName(name, plainSettings, plainSettings),
    variant: name,
    settings: plainSettings,
    sha256,
    sizeBytes,
    recipe,
    nodes: outcomes.map((outcome) => ({ ...outcome })),
    alone: aloneFrom(variant),
    paired: pairedFrom(variant),
    accuracy: accuracy && { ...accuracy },
    failure,
    fate: choice.chosen === name ? 'chosen' : failure === null ? 'beaten' : 'failed',
    reason: choice.reasons[name] ?? '',
  };
}

function aloneFrom({ alone }: Measured): TrialEvidence['alone'] {
  if (alone === null) return null;
  const { result, before, after } = alone;
  const { loadMs, firstUs, latency, throughputPerSecond, memory, isStable } = result;
  return {
    loadMs,
    firstUs,
    latency: { ...latency, quantilesUs: [...latency.quantilesUs] },
    throughputPerSecond,
    ...memory,
    energy: null,
    isStable,
    before,
    after,
  };
}

function pairedFrom({ paired }: Measured): TrialEvidence['paired'] {
  if (paired === null) return null;
  const { result, before, after } = paired;
  const { baseline, variant, callsPerBlock, isStable, rounds } = result;
  return {
    float32: { ...baseline, quantilesUs: [...baseline.quantilesUs] },
    variant: { ...variant, quantilesUs: [...variant.quantilesUs] },
    callsPerBlock,
    isStable,
    blocks: rounds.map((round) => ({
      float32P50Us: round.baselineP50Us,
      variantP50Us: round.variantP50Us,
      float32MeanUs: round.baselineMeanUs,
      variantMeanUs: round.variantMeanUs,
    })),
    speedup: speedupOf(rounds, 'latency'),
    throughputGain: speedupOf(rounds, 'throughput'),
    before,
    after,
  };
}
