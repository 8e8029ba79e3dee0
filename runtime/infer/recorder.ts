/**
 * Records raw samples, so that a device is calibrated on its own sensor. Each contiguous run becomes a recording of its own
 * (`r0001`, …), described before its first sample is written; the length follows from the file, so that a killed runner leaves
 * valid recordings. Writing never holds up inference; what could not be written is reported.
 */
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { syncFolder, writeError, writeFileAtomic } from '../base/files.ts';
import type { Pipeline } from '../data/pipeline.ts';
import { openRecordings, recordingFile, type Span } from '../data/recording.ts';
import { windowCount } from '../data/window.ts';
import type { RecordSpec } from './messages.ts';
import type { Report } from './problems.ts';
import type { SampleBlock } from './source.ts';

/** A killed runner loses at most what waits so long, or so much; a power cut what was not synced. */
const writeEveryMs = 250;
const writeBytes = 64 * 1024;
const syncEveryMs = 1000;
/** A disk that is slower than the source makes the source wait, before the memory fills. */
const maxWaitingBytes = 4 * 1024 * 1024;

export type Recorded = {
  /** Windows in all recordings of the folder. */
  readonly windows: number;
  readonly bytes: number;
  readonly full: boolean;
};

export type Recorder = {
  /** Takes a block. Waits only while far too much is unwritten. */
  push(block: SampleBlock): Promise<void>;
  /** Writes and syncs everything. */
  close(): Promise<void>;
};

export type RecorderContext = {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly report: Report;
  /** Told after samples were written. */
  readonly onRecorded: (recorded: Recorded) => void;
};

/** Continues a folder of recordings: what is there counts. @throws DATA_INVALID, WRITE_FAILED. */
export async function openRecorder({ folder, maxBytes }: RecordSpec, context: RecorderContext): Promise<Recorder> {
  const { pipeline, clock, report, onRecorded } = context;
  const rowBytes = pipeline.channels.length * Float32Array.BYTES_PER_ELEMENT;
  const past = await readPast(folder, rowBytes, pipeline);
  let { windows, bytes } = past;
  let run: Run | undefined;
  let number = past.lastNumber;
  /** Bytes that were accepted, written or not. */
  let accepted = bytes;
  let broken = false;
  let waiting: Float32Array[] = [];
  let waitingBytes = 0;
  let writtenAtMs = clock.monotonicMs();
  let work = Promise.resolve();

  const enqueue = (step: () => Promise<void>): void => {
    work = work.then(async () => {
      if (!broken) await step();
    });
    work = work.catch((error) => {
      broken = true;
      report(writeError(folder, error));
    });
  };
  const endRun = async (): Promise<void> => {
    if (run === undefined) return;
    windows += windowCount(run.samples, pipeline.window);
    await run.file.sync();
    await run.file.close();
    run = undefined;
  };
  const write = async (chunks: readonly Float32Array[]): Promise<void> => {
    if (run === undefined) return;
    const chunk = Buffer.concat(chunks.map((rows) => new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)));
    await run.file.appendFile(chunk);
    waitingBytes -= chunk.length;
    bytes += chunk.length;
    run.samples += chunk.length / rowBytes;
    await syncSometimes(run, clock);
    onRecorded({
      windows: windows + windowCount(run.samples, pipeline.window),
      bytes,
      full: bytes + rowBytes > maxBytes,
    });
  };
  const flush = (): void => {
    const chunks = waiting;
    waiting = [];
    writtenAtMs = clock.monotonicMs();
    if (chunks.length > 0) enqueue(() => write(chunks));
  };

  return {
    async push({ rows, discontinuity, firstSample, spans }) {
      const room = Math.floor((maxBytes - accepted) / rowBytes) * pipeline.channels.length;
      if (broken || room <= 0) return;
      if (discontinuity || number === past.lastNumber) {
        flush();
        number++;
        const name = `r${String(number).padStart(4, '0')}`;
        const description = describe(pipeline, spansFrom(spans, firstSample));
        enqueue(async () => {
          await endRun();
          run = await startRun(folder, name, description, clock);
        });
      }
      const taken = rows.subarray(0, room);
      accepted += taken.byteLength;
      waitingBytes += taken.byteLength;
      waiting.push(taken);
      const isFull = accepted + rowBytes > maxBytes;
      if (isFull || waitingBytes >= writeBytes || clock.monotonicMs() - writtenAtMs >= writeEveryMs) flush();
      if (waitingBytes > maxWaitingBytes) await work;
    },
    async close() {
      flush();
      enqueue(endRun);
      await work;
    },
  };
}

type Run = { readonly file: FileHandle; samples: number; syncedAtMs: number };

/** The samples' file comes first: a description without one would not be a recording. */
async function startRun(folder: string, name: string, description: object, clock: Clock): Promise<Run> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  const file = await open(join(path, '0000.f32'), 'a');
  await writeFileAtomic(join(path, recordingFile), `${JSON.stringify(description, null, 2)}\n`);
  await syncFolder(folder);
  return { file, samples: 0, syncedAtMs: clock.monotonicMs() };
}

async function syncSometimes(run: Run, clock: Clock): Promise<void> {
  if (clock.monotonicMs() - run.syncedAtMs < syncEveryMs) return;
  await run.file.datasync();
  run.syncedAtMs = clock.monotonicMs();
}

function describe({ channels, rateHz }: Pipeline, spans: readonly Span[]): object {
  return { format: 1, channels, rateHz, files: ['0000.f32'], spans };
}

/** The labels of a replayed recording, counted from the first sample that is recorded. */
function spansFrom(spans: readonly Span[], firstSample: number): Span[] {
  return spans
    .filter(({ endSample }) => endSample > firstSample)
    .map(({ startSample, endSample, label }) => ({
      startSample: Math.max(0, startSample - firstSample),
      endSample: endSample - firstSample,
      label,
    }));
}

async function readPast(folder: string, rowBytes: number, { window }: Pipeline) {
  await mkdir(folder, { recursive: true });
  const recordings = await openRecordings(folder);
  const numbers = (await readdir(folder)).flatMap((name) => Number(/^r(\d{4,})$/.exec(name)?.[1] ?? 0));
  return {
    windows: recordings.reduce((sum, { sampleCount }) => sum + windowCount(sampleCount, window), 0),
    bytes: recordings.reduce((sum, { sampleCount }) => sum + sampleCount * rowBytes, 0),
    lastNumber: Math.max(0, ...numbers),
  };
}
