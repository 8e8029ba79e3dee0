/**
 * Writes recordings into a folder, one contiguous run at a time (`r0001`, `r0002`, …), so that at every moment each of them is
 * valid: its description comes before its first sample, and its length follows from the file's size.
 */
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { syncFolder, writeFileAtomic } from '../../base/files.ts';
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import { openRecordings, recordingFile, type Span } from '../../data/recording.ts';
import { windowCount } from '../../data/window.ts';

/** A power cut loses at most so much; a kill loses nothing that was written. */
const syncEveryMs = 1000;
const samplesFile = '0000.f32';

type Run = { readonly file: FileHandle; samples: number; syncedAtMs: number };

/** What was there before this process: it counts, and is not touched. */
type Past = { readonly windows: number; readonly bytes: number; readonly lastNumber: number };

/** Its methods must not overlap: each is called when the one before has resolved. */
export class RecordingWriter {
  readonly #folder: string;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  /** Windows of all runs but the current one. */
  #windows: number;
  #bytes: number;
  #number: number;
  #run: Run | undefined;

  private constructor(folder: string, pipeline: Pipeline, clock: Clock, past: Past) {
    this.#folder = folder;
    this.#pipeline = pipeline;
    this.#clock = clock;
    this.#windows = past.windows;
    this.#bytes = past.bytes;
    this.#number = past.lastNumber;
  }

  /** Continues a folder of recordings. @throws DATA_INVALID when one in it is malformed, WRITE_FAILED. */
  static async open(folder: string, pipeline: Pipeline, clock: Clock): Promise<RecordingWriter> {
    return new RecordingWriter(folder, pipeline, clock, await readPast(folder, pipeline));
  }

  /** Bytes of samples in the folder. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whole windows in the folder. */
  get windows(): number {
    return this.#windows + windowCount(this.#run?.samples ?? 0, this.#pipeline.window);
  }

  /** Ends the current run and starts the next one. The samples' file comes first: without it, it would be no recording. */
  async startRun(spans: readonly Span[]): Promise<void> {
    await this.endRun();
    const folder = join(this.#folder, `r${String(++this.#number).padStart(4, '0')}`);
    await mkdir(folder, { recursive: true });
    const file = await open(join(folder, samplesFile), 'a');
    const { channels, rateHz } = this.#pipeline;
    const description = { format: 1, channels, rateHz, files: [samplesFile], spans };
    await writeFileAtomic(join(folder, recordingFile), `${JSON.stringify(description, null, 2)}\n`);
    await syncFolder(this.#folder);
    this.#run = { file, samples: 0, syncedAtMs: this.#clock.monotonicMs() };
  }

  /** Appends whole samples to the current run. */
  async append(bytes: Uint8Array): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    await run.file.appendFile(bytes);
    this.#bytes += bytes.length;
    run.samples += bytes.length / sampleBytes(this.#pipeline);
    if (this.#clock.monotonicMs() - run.syncedAtMs < syncEveryMs) return;
    await run.file.datasync();
    run.syncedAtMs = this.#clock.monotonicMs();
  }

  async endRun(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    this.#windows = this.windows;
    this.#run = undefined;
    await run.file.sync();
    await run.file.close();
  }
}

/** Bytes of one sample: float32 per channel. */
export function sampleBytes(pipeline: Pipeline): number {
  return sampleWidth(pipeline) * Float32Array.BYTES_PER_ELEMENT;
}

async function readPast(folder: string, pipeline: Pipeline): Promise<Past> {
  await mkdir(folder, { recursive: true });
  const counts = (await openRecordings(folder)).map(({ sampleCount }) => sampleCount);
  const numbers = (await readdir(folder)).map((name) => Number(/^r(\d{4,})$/.exec(name)?.[1] ?? 0));
  return {
    windows: counts.reduce((sum, count) => sum + windowCount(count, pipeline.window), 0),
    bytes: counts.reduce((sum, count) => sum + count * sampleBytes(pipeline), 0),
    lastNumber: Math.max(0, ...numbers),
  };
}
