/** Measurements and choice → evidence. */
import packageJson from '../../package.json' with { type: 'json' };
import { sha256OfFile } from '../base/files.ts';
import type { HardwareReport } from '../hardware/probe.ts';
import { doubtsAbout } from '../measure/conditions.ts';
import type { PrepareResult } from '../measure/messages.ts';
import type { Choice } from './choose.ts';
import type { Evidence, TrialEvidence } from './evidence.ts';
import type { Measurements } from './measure-variants.ts';
import type { Measured } from './measured.ts';
import type { SelectionRequest } from './selection.ts';

export type Recorded = {
  readonly request: SelectionRequest;
  readonly prepared: PrepareResult;
  readonly hardware: HardwareReport;
  readonly measurements: Measurements;
  readonly choice: Choice;
  readonly excluded: readonly { readonly variant: string; readonly reason: string }[];
  readonly createdMs: number;
  readonly durationMs: number;
};

export async function evidenceFrom(recorded: Recorded): Promise<Evidence> {
  const { request, prepared, hardware, measurements, choice, excluded, createdMs, durationMs } = recorded;
  const { variants, floorBytes } = measurements;
  const { featuresPath, objective, threads, memoryBytes = null, budget } = request;
  const [float32] = variants;
  return {
    format: 1,
    createdMs,
    durationMs,
    verdict: choice.verdict,
    outcome: choice.outcome,
    chosenSha256: variants.find(({ name }) => name === choice.chosen)!.sha256,
    model: {
      sha256: float32!.sha256,
      featuresSha256: featuresPath === undefined ? null : await sha256OfFile(featuresPath),
    },
    data: {
      paths: [...request.data],
      heldOut: float32?.alone?.result.decided?.description ?? '',
      heldOutWindows: prepared.heldOutWindows,
    },
    settings: { objective, threads, memoryBytes, ...budget },
    environment: environmentFrom(hardware, prepared.engineVersion),
    floorBytes,
    doubts: doubtsOf(variants),
    trials: variants.map((variant) => trialFrom(variant, choice)),
    excluded: [...excluded],
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
    variant: name,
    sha256,
    sizeBytes,
    recipe,
    nodes: outcomes.map((outcome) => ({ ...outcome })),
    alone: aloneFrom(variant),
    paired: pairedFrom(variant),
    accuracy: accuracy && { ...accuracy },
    failure,
    chosen: choice.chosen === name,
    reason: choice.reasons[name] ?? '',
  };
}

function aloneFrom({ alone }: Measured): TrialEvidence['alone'] {
  if (alone === null) return null;
  const { result, before, after } = alone;
  const { loadMs, firstUs, latency, throughputPerSecond, memory, isStable } = result;
  return { loadMs, firstUs, latency, throughputPerSecond, ...memory, isStable, before, after };
}

function pairedFrom({ paired }: Measured): TrialEvidence['paired'] {
  if (paired === null) return null;
  const { result, before, after } = paired;
  const { baseline, variant, callsPerBlock, isStable, rounds } = result;
  const blockMediansUs = rounds.map(({ baselineP50Us, variantP50Us }): [number, number] => [
    baselineP50Us,
    variantP50Us,
  ]);
  return { float32: baseline, variant, callsPerBlock, isStable, blockMediansUs, before, after };
}
