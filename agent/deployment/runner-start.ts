/** What a runner is told, from a slot's configuration and a model: everything but which process runs it. */
import type { ModelFolder } from '../../models/manifest.ts';
import type { RecordSpec, RunnerStart } from '../../runtime/infer/messages.ts';
import type { SlotConfig } from '../config.ts';
import { mqttSink, mqttSource } from '../local-mqtt/commands.ts';
import type { Runnable } from './state.ts';

export function activeStart(
  slot: SlotConfig,
  model: ModelFolder,
  { path }: Runnable,
  record?: RecordSpec,
): RunnerStart {
  return {
    ...commonStart(slot, model, path),
    source: sourceFrom(slot.source),
    sinks: slot.sinks.map(sinkFrom),
    ...(slot.serve === undefined ? {} : { serve: slot.serve }),
    ...(record === undefined ? {} : { record }),
  };
}

/** A runner beside the active one that only records; its decisions go nowhere. */
export function recordingStart(slot: SlotConfig, model: ModelFolder, record: RecordSpec): RunnerStart {
  const source = sourceFrom(slot.calibration.source ?? slot.source);
  return { ...commonStart(slot, model, model.modelPath), source, sinks: [], record };
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
