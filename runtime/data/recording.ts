/**
 * A recording: a folder with `recording.json` and raw samples in `NNNN.f32` (little-endian float32, [samples, channels]) or
 * `NNNN.f32.gz`. How many samples there are follows from the sizes of the files, so that a recording whose writer was killed
 * is whole up to its last complete sample.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { OctetError } from '../base/errors.ts';
import { readError, writeFileAtomic } from '../base/files.ts';
import { readJson } from '../base/json.ts';
import { type ByteSource, byteSourceOfFile, byteSourceOfGzip, fileSize } from './bytes.ts';
import { channelSchema, sampleWidth } from './pipeline.ts';

export const recordingFile = 'recording.json';
const samplesFile = /^\d{4,}\.f32(\.gz)?$/;

const spanSchema = z.object({
  /** First sample of the span. */
  startSample: z.int().nonnegative(),
  /** One past its last sample. */
  endSample: z.int().nonnegative(),
  label: z.string().min(1),
});

/** Further fields (whoever recorded may describe more) are kept. */
export const recordingSchema = z.looseObject({
  format: z.literal(1),
  channels: z.array(channelSchema.strip()).min(1),
  rateHz: z.number().positive(),
  /** Where the samples are single windows of so many, and do not follow on one another. */
  windowSamples: z.int().positive().optional(),
  /** Absent while a recording is still being written. */
  samples: z.int().nonnegative().optional(),
  /** In order; absent means every `NNNN.f32` and `NNNN.f32.gz` of the folder. */
  files: z.array(z.string().regex(samplesFile, 'expected a plain name like 0000.f32 or 0000.f32.gz')).optional(),
  spans: z.array(spanSchema).default([]),
  subject: z.string().optional(),
  note: z.string().optional(),
  source: z.string().optional(),
});

export type Span = z.output<typeof spanSchema>;
export type RecordingInfo = z.output<typeof recordingSchema>;

export type Recording = {
  readonly name: string;
  readonly info: RecordingInfo;
  readonly sampleCount: number;
  /** Samples `startSample` to `endSample` (exclusive), row-major [samples, channels]; the caller may keep them. */
  read(startSample: number, endSample: number): Promise<Float32Array>;
};

/** @throws FILE_NOT_FOUND; DATA_INVALID when the description or the samples are malformed. */
export async function openRecording(folder: string): Promise<Recording> {
  const path = join(folder, recordingFile);
  const info = await readJson(path, recordingSchema, { code: 'DATA_INVALID', what: `recording ${path}` });
  const rowBytes = sampleWidth(info) * Float32Array.BYTES_PER_ELEMENT;
  const names = info.files ?? (await readdir(folder)).filter((name) => samplesFile.test(name)).sort();
  const parts = await Promise.all(names.map((name) => openPart(join(folder, name))));
  const counts = parts.map(({ length }) => Math.floor(length / rowBytes));
  const available = counts.reduce((sum, count) => sum + count, 0);
  const sampleCount = info.samples ?? available;
  if (available < sampleCount)
    throw new OctetError('DATA_INVALID', `${folder}: expected ${sampleCount} samples, got ${available}`, {
      hint: 'A file of samples is missing or cut short; copy the recording again.',
    });
  const read = (start: number, end: number) => readRows(parts, counts, rowBytes, start, end);
  return { name: basename(folder), info, sampleCount, read };
}

/**
 * Opens `path`, or, when it is a folder of recordings, each of them in the order of their names; none when there are none.
 * @throws FILE_NOT_FOUND; DATA_INVALID.
 */
export async function openRecordings(path: string): Promise<Recording[]> {
  const folders = await recordingFolders(path);
  const recordings: Recording[] = [];
  for (const folder of folders) recordings.push(await openRecording(folder));
  return recordings;
}

async function recordingFolders(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error) => Promise.reject(readError(path, 'recordings', error)));
  if (names.includes(recordingFile)) return [path];
  const folders = names.sort().map((name) => join(path, name));
  const isRecording = await Promise.all(folders.map((folder) => exists(join(folder, recordingFile))));
  return folders.filter((_, index) => isRecording[index]);
}

/** Writes a whole recording. @throws DISK_FULL, WRITE_FAILED. */
export async function writeRecording(
  folder: string,
  info: Pick<RecordingInfo, 'channels' | 'rateHz' | 'spans' | 'subject' | 'note' | 'source'>,
  samples: Float32Array,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const name = '0000.f32';
  await writeFileAtomic(join(folder, name), new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  const whole = { format: 1, ...info, samples: samples.length / sampleWidth(info), files: [name] };
  await writeFileAtomic(join(folder, recordingFile), `${JSON.stringify(whole, null, 2)}\n`);
}

/** The label of the span that covers samples `startSample` to `endSample` (exclusive) entirely, if one does. */
export function labelOf(spans: readonly Span[], startSample: number, endSample: number): string | undefined {
  return spans.find((span) => span.startSample <= startSample && span.endSample >= endSample)?.label;
}

async function openPart(path: string): Promise<ByteSource> {
  return path.endsWith('.gz') ? byteSourceOfGzip(path) : byteSourceOfFile(path, 0, await fileSize(path));
}

async function readRows(
  parts: readonly ByteSource[],
  counts: readonly number[],
  rowBytes: number,
  start: number,
  end: number,
): Promise<Float32Array> {
  const rows = new Uint8Array((end - start) * rowBytes);
  let first = 0;
  for (const [index, part] of parts.entries()) {
    const count = counts[index] as number;
    const from = Math.max(start, first);
    const to = Math.min(end, first + count);
    if (from < to) {
      const bytes = await part.read((from - first) * rowBytes, (to - from) * rowBytes);
      rows.set(bytes, (from - start) * rowBytes);
    }
    first += count;
  }
  return new Float32Array(rows.buffer);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    // Whatever keeps us from seeing it: for the reader it is no recording.
    () => false,
  );
}
