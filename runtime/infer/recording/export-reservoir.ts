/**
 * A reservoir as a recording, which is what calibrates: single windows in the order of time, so that the last 30 %, which judge, are the
 * newest ones.
 */
import type { Pipeline } from '../../data/pipeline.ts';
import { sampleWidth } from '../../data/pipeline.ts';
import { writeRecording } from '../../data/recording.ts';
import { readSlots } from './window-slots.ts';

/** @returns how many windows there are. @throws DISK_FULL, WRITE_FAILED */
export async function exportReservoir(folder: string, out: string, pipeline: Pipeline): Promise<number> {
  const { channels, rateHz, window } = pipeline;
  const values = window.samples * sampleWidth(pipeline);
  const kept = await readSlots(folder, values);
  const samples = new Float32Array(kept.length * values);
  for (const [index, each] of kept.entries()) samples.set(each.window, index * values);
  const note = 'single windows of a reservoir, oldest first; labels are decisions of the model and therefore left out';
  await writeRecording(out, { channels, rateHz, windowSamples: window.samples, spans: [], note }, samples);
  return kept.length;
}
