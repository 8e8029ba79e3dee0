/**
 * Turns points into batches. A stream's points are numbered without holes within an epoch; they gather here for at most
 * one commit interval, so that a kill loses at most that. What never arrived here is stated as a gap at once.
 */
import type { Gap } from '../outbox/ranges.ts';
import { topics } from '../protocol/topics.ts';
import type { NewRow } from '../store/outbox-table.ts';

/** One value per column of the stream, see `streamColumns`. */
export type Point = readonly (number | string | null)[];

/** Points per stored row; more become several rows. */
const pointsPerRow = 500;

export type Taken = { readonly batches: readonly NewRow[]; readonly gaps: readonly Gap[] };

/** All streams of one device that are being written. */
export class StreamWriter {
  readonly #device: string;
  readonly #epochs = new Set<EpochWriter>();

  constructor(device: string) {
    this.#device = device;
  }

  /** A new epoch of `stream`; its numbers begin at 0. */
  begin(stream: string, epoch: string): EpochWriter {
    const writer = new EpochWriter(stream, epoch);
    this.#epochs.add(writer);
    return writer;
  }

  /** Everything gathered since the last call, as rows for the outbox. */
  take(nowMs: number): Taken {
    const taken = [...this.#epochs].map((writer) => ({ writer, ...writer.take() }));
    // An ended process's last words may come after the news of its end: an epoch goes when it has been silent since.
    for (const { writer, runs } of taken) if (writer.isEnded && runs.length === 0) this.#epochs.delete(writer);
    return {
      gaps: taken.flatMap(({ gaps }) => gaps),
      batches: taken.flatMap(({ writer, runs }) => runs.flatMap((run) => this.#rowsFrom(writer, run, nowMs))),
    };
  }

  #rowsFrom({ stream, epoch }: EpochWriter, { first, points }: Run, nowMs: number): NewRow[] {
    const starts = Array.from({ length: Math.ceil(points.length / pointsPerRow) }, (_, index) => index * pointsPerRow);
    return starts.map((start) => {
      const part = points.slice(start, start + pointsPerRow);
      return {
        ...{ class: 'telemetry', qos: 1, retain: false, createdMs: nowMs },
        topic: topics.telemetry(this.#device, stream),
        payload: `[${part.join(',')}]`,
        range: { stream, epoch, first: first + start, last: first + start + part.length - 1 },
      };
    });
  }
}

/** Points with contiguous numbers from `first`, each as JSON text. */
type Run = { readonly first: number; readonly points: string[] };

export class EpochWriter {
  readonly stream: string;
  readonly epoch: string;
  #next = 0;
  #runs: Run[] = [];
  #gaps: Gap[] = [];
  #isEnded = false;

  constructor(stream: string, epoch: string) {
    this.stream = stream;
    this.epoch = epoch;
  }

  /** The number of the next point. */
  get next(): number {
    return this.#next;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Adds the point numbered `seq`. A number that was skipped is a gap; one that was seen is ignored. */
  append(seq: number, point: Point): void {
    if (seq < this.#next) return;
    if (seq > this.#next) {
      const { stream, epoch } = this;
      this.#gaps.push({ stream, epoch, first: this.#next, last: seq - 1, reason: 'lost before the outbox' });
    }
    const run = this.#runs.at(-1);
    if (run && run.first + run.points.length === seq) run.points.push(JSON.stringify(point));
    else this.#runs.push({ first: seq, points: [JSON.stringify(point)] });
    this.#next = seq + 1;
  }

  /** No more points will come, but for those already on their way. */
  end(): void {
    this.#isEnded = true;
  }

  take(): { runs: readonly Run[]; gaps: readonly Gap[] } {
    const taken = { runs: this.#runs, gaps: this.#gaps };
    this.#runs = [];
    this.#gaps = [];
    return taken;
  }
}
