/** What a runner is told, from a slot's configuration and a model: everything but which process runs it. */
import type { ModelFolder } from '../../models/manifest.ts';
import type { Pipeline } from '../../runtime/data/pipeline.ts';
import type { RecordSpec, ReserveSpec, RunnerStart, ShadowSpec } from '../../runtime/infer/messages.ts';
import type { SlotConfig } from '../config.ts';
import { mqttSink, mqttSource } from '../local-mqtt/commands.ts';
import type { Runnable } from './state.ts';

export function activeStart(
  slot: SlotConfig,
  model: ModelFolder,
  runnable: Runnable,
  { record, reserve }: { readonly record?: RecordSpec | undefined; readonly reserve?: ReserveSpec | undefined } = {},
): RunnerStart {
  const shadow = lifelongShadow(slot, model, runnable);
  const { profile } = runnable;
  return {
    ...commonStart(slot, model, runnable.path),
    source: sourceFrom(slot.source),
    sinks: slot.sinks.map(sinkFrom),
    ...(slot.serve === undefined ? {} : { serve: slot.serve }),
    ...(record === undefined ? {} : { record }),
    ...(reserve === undefined ? {} : { reserve }),
    ...(shadow === undefined ? {} : { shadow }),
    ...(profile === undefined ? {} : { profile }),
  };
}

/** A runner beside the active one that only records; its decisions go nowhere. */
export function recordingStart(slot: SlotConfig, model: ModelFolder, record: RecordSpec): RunnerStart {
  const source = sourceFrom(slot.calibration.source ?? slot.source);
  return { ...commonStart(slot, model, model.modelPath), source, sinks: [], record };
}

/** float32 beside what runs, for as long as it runs. */
function lifelongShadow(
  { shadow }: SlotConfig,
  { modelPath }: ModelFolder,
  runnable: Runnable,
): ShadowSpec | undefined {
  if (runnable.variant === 'float32' || shadow.share === 0) return undefined;
  const { path: subjectPath, sha256 } = runnable;
  return { id: lifelongShadowId(sha256), subjectPath, referencePath: modelPath, share: shadow.share };
}

export function lifelongShadowId(sha256: string): string {
  return `life ${sha256}`;
}

/**
 * The candidate and its own float32, beside the active model.
 * @returns undefined when the sensor's samples, as the active model gets them, are not what the candidate takes.
 */
export function candidateShadow(
  active: ModelFolder,
  candidate: ModelFolder,
  { path: subjectPath }: Runnable,
  { id, share }: Pick<ShadowSpec, 'id' | 'share'>,
): ShadowSpec | undefined {
  if (!takesSameSamples(active.pipeline, candidate.pipeline)) return undefined;
  const { featuresPath, pipeline, task, modelPath: referencePath } = candidate;
  const spec = { id, share, subjectPath, referencePath };
  const isSameModel = active.modelPath === candidate.modelPath;
  return isSameModel ? spec : { ...spec, model: { pipeline, task, ...(featuresPath ? { featuresPath } : {}) } };
}

export function takesSameSamples(a: Pipeline, b: Pipeline): boolean {
  return a.rateHz === b.rateHz && JSON.stringify(a.channels) === JSON.stringify(b.channels);
}

function commonStart(slot: SlotConfig, { featuresPath, pipeline, task }: ModelFolder, modelPath: string) {
  return {
    kind: 'start' as const,
    modelPath,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    pipeline,
    task,
    threads: slot.threads,
  };
}

function sourceFrom(source: SlotConfig['source']): RunnerStart['source'] {
  return source.kind === 'mqtt' ? mqttSource(source) : source;
}

function sinkFrom(sink: SlotConfig['sinks'][number]): RunnerStart['sinks'][number] {
  if (sink.kind === 'mqtt') return mqttSink(sink, sink.labels);
  if (sink.kind !== 'command' && sink.kind !== 'pipe') return sink;
  const { kind, command, labels } = sink;
  return labels === undefined ? { kind, command } : { kind, command, labels };
}
