/**
 * Records raw samples, so that a device is calibrated on its own sensor. Writing goes on beside inference and never holds it
 * up; what could not be written is reported, and ends the recording, not the decisions.
 */
import type { Clock } from '../../base/clock.ts';
import { writeError } from '../../base/files.ts';
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import type { Span } from '../../data/recording.ts';
import type { RecordSpec, RunnerEvent } from '../messages.ts';
import type { Report } from '../problems.ts';
import type { SampleBlock } from '../sources/source.ts';
import { RecordingWriter, sampleBytes } from './recording-writer.ts';

/** A write at most so often, unless so much waits for it: what a killed runner loses. */
const writeEveryMs = 250;
const writeBytes = 64 * 1024;
/** A disk that is slower than the source makes the source wait, before the memory fills. */
const maxWaitingBytes = 4 * 1024 * 1024;

export type Recorded = Omit<Extract<RunnerEvent, { kind: 'recorded' }>, 'kind'>;

export type RecorderContext = {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly report: Report;
  /** Told what is in the folder, at the start when there is something, and after each write. */
  readonly onRecorded: (recorded: Recorded) => void;
};

/** Continues a folder of recordings: what is there counts. @throws DATA_INVALID, WRITE_FAILED. */
export async function openRecorder(spec: RecordSpec, context: RecorderContext): Promise<Recorder> {
  const writer = await RecordingWriter.open(spec.folder, context.pipeline, context.clock);
  const recorder = new Recorder(spec, context, writer);
  // A folder that is full already will not grow, so nothing else would tell.
  if (writer.bytes > 0) recorder.tell();
  return recorder;
}

export class Recorder {
  readonly #spec: RecordSpec;
  readonly #context: RecorderContext;
  readonly #writer: RecordingWriter;
  readonly #sampleBytes: number;
  /** The writer's steps, one after the other. */
  #work = Promise.resolve();
  #isBroken = false;
  #hasRun = false;
  /** Bytes taken so far, written or not. */
  #takenBytes: number;
  #waiting: Float32Array[] = [];
  #flushedAtMs: number;

  constructor(spec: RecordSpec, context: RecorderContext, writer: RecordingWriter) {
    this.#spec = spec;
    this.#context = context;
    this.#writer = writer;
    this.#sampleBytes = sampleBytes(context.pipeline);
    this.#takenBytes = writer.bytes;
    this.#flushedAtMs = context.clock.monotonicMs();
  }

  /** Takes a block. Waits only while far too much is unwritten. */
  async push({ rows, discontinuity, firstSample, spans }: SampleBlock): Promise<void> {
    const room = Math.floor((this.#spec.maxBytes - this.#takenBytes) / this.#sampleBytes);
    if (this.#isBroken || room <= 0) return;
    if (discontinuity || !this.#hasRun) this.#startRun(spansFrom(spans, firstSample));
    this.#take(rows.subarray(0, room * sampleWidth(this.#context.pipeline)));
    if (this.#takenBytes - this.#writer.bytes > maxWaitingBytes) await this.#work;
  }

  /** Writes and syncs everything. */
  async close(): Promise<void> {
    this.#flush();
    this.#enqueue(() => this.#writer.endRun());
    await this.#work;
  }

  /** Tells what is in the folder. */
  tell(): void {
    const { windows, bytes } = this.#writer;
    this.#context.onRecorded({ windows, bytes, full: this.#isFull(bytes) });
  }

  #startRun(spans: readonly Span[]): void {
    this.#flush();
    this.#hasRun = true;
    this.#enqueue(() => this.#writer.startRun(spans));
  }

  #take(rows: Float32Array): void {
    this.#waiting.push(rows);
    this.#takenBytes += rows.byteLength;
    const isDue = this.#context.clock.monotonicMs() - this.#flushedAtMs >= writeEveryMs;
    if (isDue || this.#isFull(this.#takenBytes) || this.#waitingBytes() >= writeBytes) this.#flush();
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    this.#flushedAtMs = this.#context.clock.monotonicMs();
    const bytes = Buffer.concat(
      this.#waiting.map((rows) => new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)),
    );
    this.#waiting = [];
    this.#enqueue(async () => {
      await this.#writer.append(bytes);
      this.tell();
    });
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#isBroken ? undefined : step()))
      .catch((error) => {
        this.#isBroken = true;
        this.#context.report(writeError(this.#spec.folder, error));
      });
  }

  #waitingBytes(): number {
    return this.#waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  #isFull(bytes: number): boolean {
    return bytes + this.#sampleBytes > this.#spec.maxBytes;
  }
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
