/** Samples from recordings: every whole window, through the features, labelled by the span that covers it. */
import { OctetError } from '../base/errors.ts';
import type { Feeds } from '../graph/tensor.ts';
import { openFeatures } from './features.ts';
import type { Pipeline, Task } from './pipeline.ts';
import { labelOf, type Recording } from './recording.ts';
import type { Samples, SamplesOptions, WindowPosition } from './samples.ts';
import { windowCount } from './window.ts';

/**
 * @param path names the data in errors and reports.
 * @throws DATA_MISMATCH when the recordings are not what the pipeline describes, or too short for one window.
 */
export async function recordingSamples(
  path: string,
  recordings: readonly Recording[],
  { inputs, pipeline, featuresPath, task }: SamplesOptions,
): Promise<Samples> {
  if (pipeline === undefined)
    throw new OctetError('DATA_MISMATCH', `${path}: expected a pipeline to cut recordings into windows, got none`, {
      hint: 'Give a model folder (with manifest.json) instead of a bare ONNX file, or data as .npz.',
    });
  for (const recording of recordings) checkRecording(recording, pipeline);
  const windows = recordings.flatMap((recording, index) => positions(recording, index, pipeline));
  if (windows.length === 0)
    throw new OctetError(
      'DATA_MISMATCH',
      `${path}: expected a window of ${pipeline.window.samples} samples, got fewer`,
    );
  const features = await openFeatures({ inputs, pipeline, featuresPath });
  const feeds = async (at: number): Promise<Feeds> => {
    const { recording, startSample, endSample } = windows[at] as WindowPosition;
    return features.feeds(await (recordings[recording] as Recording).read(startSample, endSample));
  };
  const counts = [windows.length, recordings.length].map((count) => count.toLocaleString('en-US'));
  const description = `${counts[0]} windows of ${counts[1]} recording${recordings.length === 1 ? '' : 's'}`;
  return { count: windows.length, labels: labelsOf(recordings, windows, task), feeds, description, windows };
}

/** @throws DATA_MISMATCH when channels or rate are not the pipeline's. */
export function checkRecording({ name, info }: Recording, { channels, rateHz, window }: Pipeline): void {
  const expected = channels.map((channel) => channel.name).join(', ');
  const got = info.channels.map((channel) => channel.name).join(', ');
  if (expected !== got)
    throw new OctetError('DATA_MISMATCH', `recording ${name}: expected channels ${expected}, got ${got}`);
  if (info.rateHz !== rateHz)
    throw new OctetError('DATA_MISMATCH', `recording ${name}: expected ${rateHz} samples a second, got ${info.rateHz}`);
  if (info.windowSamples !== undefined && info.windowSamples !== window.samples)
    throw new OctetError(
      'DATA_MISMATCH',
      `recording ${name}: expected windows of ${window.samples} samples, got single ones of ${info.windowSamples}`,
    );
}

function positions({ sampleCount, info }: Recording, recording: number, { window }: Pipeline): WindowPosition[] {
  const stride = info.windowSamples ?? window.stride;
  return Array.from({ length: windowCount(sampleCount, { ...window, stride }) }, (_, at) => {
    const startSample = at * stride;
    return { recording, startSample, endSample: startSample + window.samples };
  });
}

/** A label that the task does not know (what happened between two exercises) counts as none. */
function labelsOf(
  recordings: readonly Recording[],
  windows: readonly WindowPosition[],
  task: Task | undefined,
): number[] | undefined {
  if (task?.kind !== 'classify') return undefined;
  const labels = windows.map(({ recording, startSample, endSample }) =>
    task.labels.indexOf(labelOf((recordings[recording] as Recording).info.spans, startSample, endSample) ?? ''),
  );
  return labels.some((label) => label >= 0) ? labels : undefined;
}
