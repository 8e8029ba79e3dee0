/**
 * A reservoir as a recording, which is what calibrates: single windows in the order of time, so that the last 30 %, which judge, are the
 * newest ones.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError, writeFileAtomic } from '../../base/files.ts';
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import { recordingFile } from '../../data/recording.ts';
import { readSlots } from './window-slots.ts';

const samplesFile = '0000.f32';

/**
 * Writes the folder `out` anew; its description comes last, and makes it a recording.
 * @returns how many windows there are. @throws DISK_FULL, WRITE_FAILED
 */
export async function exportReservoir(folder: string, out: string, pipeline: Pipeline): Promise<number> {
  const { channels, rateHz, window } = pipeline;
  try {
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });
    const windows = await writeWindows(folder, join(out, samplesFile), window.samples * sampleWidth(pipeline));
    const note =
      'single windows of a reservoir, oldest first; labels are decisions of the model and therefore left out';
    const samples = windows * window.samples;
    const info = {
      format: 1,
      channels,
      rateHz,
      windowSamples: window.samples,
      samples,
      files: [samplesFile],
      spans: [],
      note,
    };
    await writeFileAtomic(join(out, recordingFile), `${JSON.stringify(info, null, 2)}\n`);
    return windows;
  } catch (error) {
    throw writeError(out, error);
  }
}

async function writeWindows(folder: string, path: string, values: number): Promise<number> {
  const file = await open(path, 'w');
  let windows = 0;
  try {
    for await (const { window } of readSlots(folder, values)) {
      await file.writeFile(new Uint8Array(window.buffer, window.byteOffset, window.byteLength));
      windows++;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return windows;
}
