/** A pipeline of two channels, a model that tells their sign, and recordings for it: as small as a runner can be. */
import { join } from 'node:path';
import type { Pipeline, Task } from '../../../runtime/data/pipeline.ts';
import { type Span, writeRecording } from '../../../runtime/data/recording.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { saveModel } from '../../../runtime/graph/save.ts';
import type { RunnerStart } from '../../../runtime/infer/messages.ts';
import type { SampleBlock } from '../../../runtime/infer/sources/source.ts';

export const pipeline: Pipeline = {
  channels: [
    { name: 'a', unit: 'g' },
    { name: 'b', unit: 'g' },
  ],
  rateHz: 100,
  window: { samples: 4, stride: 2 },
};

export const task: Task = { kind: 'classify', labels: ['negative', 'positive'] };

/** Saves a model whose logits are 0 and the sum of the window. */
export async function saveSignModel(folder: string): Promise<string> {
  const path = join(folder, 'sign.onnx');
  const weights = float32([8, 2], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const graph = graphOf({
    inputs: [valueInfo('x', 'float32', [1, 4, 2])],
    nodes: [node('Flatten', ['x'], ['flat']), node('MatMul', ['flat', 'weights'], ['logits'])],
    outputs: [valueInfo('logits', 'float32', [1, 2])],
    initializers: { weights },
  });
  await saveModel(modelOf(graph), path);
  return path;
}

/** A recording whose samples all have this value, labelled throughout. */
export async function recordSign(folder: string, name: string, samples: number, value: number): Promise<string> {
  const path = join(folder, name);
  const spans = [{ startSample: 0, endSample: samples, label: value > 0 ? 'positive' : 'negative' }];
  await writeRecording(path, { ...pipeline, spans }, new Float32Array(samples * 2).fill(value));
  return path;
}

export function startFrom(modelPath: string, changes: Partial<RunnerStart>): RunnerStart {
  const source = { kind: 'replay', recordings: [], speed: 0, loop: false } as const;
  return { kind: 'start', modelPath, pipeline, task, source, sinks: [], threads: 1, ...changes };
}

/** Samples `first` to `first + count`; both channels of sample i are i. */
export function countingBlock(first: number, count: number, spans: readonly Span[] = []): SampleBlock {
  const rows = Float32Array.from({ length: count * 2 }, (_, index) => first + Math.floor(index / 2));
  return { rows, tUs: 1_000_000 + first, discontinuity: first === 0, firstSample: first, spans };
}
