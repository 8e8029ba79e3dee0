/**
 * A selection from start to end: look at the model and its data, propose candidates, have them built, have them measured,
 * choose, write the evidence. All heavy work is in child processes: the agent imports this file and never loads ONNX Runtime.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorFromRecord, OctetError } from '../base/errors.ts';
import { readError, sha256OfFile } from '../base/files.ts';
import { type HardwareReport, probeHardware } from '../hardware/probe.ts';
import type { LatencySummary, PrepareResult } from '../measure/messages.ts';
import { runTrial } from '../measure/trial.ts';
import { buildVariants } from '../quantize/builder.ts';
import type { BuilderEvent, BuiltVariant } from '../quantize/messages.ts';
import type { Recipe } from '../quantize/recipe.ts';
import { candidates } from './candidates.ts';
import { type Choice, choose } from './choose.ts';
import { writeEvidence } from './evidence.ts';
import { type Budgets, measureVariants, trialDataOf } from './measure-variants.ts';
import { contenderFrom, type Measured, rowFrom, type VariantFile } from './measured.ts';
import { doubtsOf, evidenceFrom } from './record.ts';
import type { SelectionProgress, SelectionRequest, SelectionResult } from './selection.ts';
import { recordTimeline } from './timeline.ts';

export type SelectionOptions = {
  readonly onProgress?: (progress: SelectionProgress) => void;
  readonly signal?: AbortSignal;
  /** Default: this device. */
  readonly hardware?: HardwareReport;
  readonly clock?: Clock;
  /** How long to measure. */
  readonly budgets?: Budgets;
};

type Excluded = { readonly variant: string; readonly reason: string };

/** Ranges settle within a few hundred windows; more cost time and change no decision. */
const calibrationSamples = 512;

/**
 * @throws what is wrong with the model or the data; CHILD_FAILED, CHILD_TIMEOUT when building died or float32 itself
 * could not be measured; DISK_FULL; the signal's reason. A variant that fails is a row with a reason.
 */
export async function runSelection(
  request: SelectionRequest,
  { onProgress = () => {}, signal, hardware, clock = systemClock, budgets }: SelectionOptions = {},
): Promise<SelectionResult> {
  const fromMs = clock.monotonicMs();
  const sinceMs = () => clock.monotonicMs() - fromMs;
  using timeline = recordTimeline(sinceMs);
  const measuring = { onProgress, ...(signal ? { signal } : {}), ...(budgets ? { budgets } : {}) };
  onProgress({ phase: 'calibrating', fraction: 0, detail: 'looking at the model and its data' });
  const device = hardware ?? (await probeHardware());
  const prepared = await prepare(request, signal);
  const preparedMs = sinceMs();
  const proposed = candidates(device.int8, prepared.summary);
  const float32 = await float32File(request.modelPath);
  const recipes = proposed.included.flatMap(({ recipe }) => recipe ?? []);
  const built = await build(request, recipes, onProgress, signal);
  const builtMs = sinceMs();
  const files = [float32, ...built.files] as const;
  const measurements = await measureVariants(request, prepared, files, measuring);
  const choice = doubtful(choose(measurements.variants.map(contenderFrom), request), doubtsOf(measurements.variants));
  const excluded = [...proposed.excluded.map(({ name, reason }) => ({ variant: name, reason })), ...built.skipped];
  const durationMs = sinceMs();
  const spentMs = {
    preparing: preparedMs,
    building: builtMs - preparedMs,
    searching: 0,
    measuring: durationMs - builtMs,
  };
  const { moments } = timeline;
  const recorded = { request, prepared, hardware: device, measurements, choice, excluded, timeline: moments, spentMs };
  const evidence = await evidenceFrom({ ...recorded, createdMs: clock.wallMs(), durationMs });
  const evidencePath = await writeEvidence(join(request.workFolder, 'evidence'), evidence);
  const { variants, floorBytes } = measurements;
  const rows = variants.map((variant) => rowFrom(variant, choice, floorBytes, float32Latency(variants, choice)));
  const chosenPath = variants.find(({ name }) => name === choice.chosen)!.path;
  const chosen = rows.find((row) => row.chosen)!;
  const { outcome, verdict } = choice;
  return { outcome, rows, excluded, chosen, chosenPath, verdict, evidencePath, durationMs };
}

async function prepare(request: SelectionRequest, signal: AbortSignal | undefined): Promise<PrepareResult> {
  const { modelPath } = request;
  const trial = { kind: 'prepare', modelPath, data: trialDataOf(request) } as const;
  const outcome = await runTrial(trial, signal ? { signal } : {});
  if (!outcome.ok) throw errorFromRecord(outcome.error);
  if (outcome.result.feeds.length > 0) return outcome.result;
  throw new OctetError('DATA_INVALID', `${request.data.join(', ')}: expected held-out windows to judge by, got none`, {
    hint: 'The last 30 % of the data judges and never calibrates: record more.',
  });
}

async function float32File(path: string): Promise<VariantFile> {
  const { size } = await stat(path).catch((error) => Promise.reject(readError(path, 'model', error)));
  return { name: 'float32', path, sha256: await sha256OfFile(path), sizeBytes: size, recipe: null, outcomes: [] };
}

async function build(
  request: SelectionRequest,
  recipes: readonly Recipe[],
  onProgress: (progress: SelectionProgress) => void,
  signal: AbortSignal | undefined,
): Promise<{ files: VariantFile[]; skipped: Excluded[] }> {
  const { modelPath, featuresPath, pipeline, task, data, workFolder } = request;
  const outFolder = join(workFolder, 'variants');
  const [built, skipped]: [BuiltVariant[], Excluded[]] = [[], []];
  const onEvent = (event: BuilderEvent) => {
    if (event.kind === 'progress') onProgress({ phase: 'calibrating', fraction: event.fraction, detail: event.detail });
    if (event.kind === 'built') built.push(event.variant);
    if (event.kind === 'skipped') skipped.push({ variant: event.recipe.name, reason: event.reason });
  };
  const optional = {
    ...(featuresPath === undefined ? {} : { featuresPath }),
    ...(pipeline ? { pipeline } : {}),
    ...(task ? { task } : {}),
  };
  const order = { modelPath, data, recipes, outFolder, maxSamples: calibrationSamples, ...optional };
  if (recipes.length > 0)
    await buildVariants(order, { onEvent, ...(signal ? { signal } : {}) }).catch((error) => {
      // A builder that died costs the variants it had not written yet, not the selection.
      if (!isChildFault(error)) throw error;
      const missing = recipes.filter(
        ({ name }) => ![...built, ...skipped.map(nameOf)].some((done) => done.name === name),
      );
      for (const { name } of missing) skipped.push({ variant: name, reason: error.message });
    });
  return withoutTwins(built, skipped);
}

function isChildFault(error: unknown): error is OctetError {
  return error instanceof OctetError && (error.code === 'CHILD_FAILED' || error.code === 'CHILD_TIMEOUT');
}

const nameOf = ({ variant }: Excluded) => ({ name: variant });

/** Two recipes can come to the same bytes; the simpler one is measured. */
function withoutTwins(built: readonly BuiltVariant[], skipped: readonly Excluded[]) {
  const isFirst = ({ sha256 }: BuiltVariant, at: number) => built.findIndex((other) => other.sha256 === sha256) === at;
  const twins = built.filter((variant, at) => !isFirst(variant, at));
  const reason = 'the same bytes as a simpler recipe gives';
  return {
    files: built.filter(isFirst),
    skipped: [...skipped, ...twins.map(({ name }) => ({ variant: name, reason }))],
  };
}

/** float32's times in the comparison with the chosen variant; else in the last comparison there was; else alone. */
function float32Latency([float32, ...others]: readonly Measured[], { chosen }: Choice): LatencySummary {
  const compared = others.filter(({ paired }) => paired !== null);
  const best = compared.find(({ name }) => name === chosen) ?? compared.at(-1);
  return best?.paired?.result.baseline ?? float32!.alone!.result.latency;
}

/** Figures from a throttled board are used, but not silently. */
function doubtful(choice: Choice, doubts: readonly string[]): Choice {
  return doubts.length === 0 ? choice : { ...choice, verdict: `${choice.verdict} Doubtful: ${doubts.join(', ')}.` };
}
