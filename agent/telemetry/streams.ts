/** The agent's two kinds of streams: decisions, an epoch per runner process, and the system's readings, an epoch per start. */
import type { Clock } from '../../runtime/base/clock.ts';
import type { Decision } from '../../runtime/infer/messages.ts';
import type { SystemReading } from '../ports.ts';
import type { Store } from '../store/open-store.ts';
import { isDiskFull } from '../store/store-error.ts';
import type { EpochWriter, Point, StreamWriter } from './stream-writer.ts';

export type StreamsOptions = {
  readonly store: Store;
  readonly writer: StreamWriter;
  readonly random: () => number;
  readonly clock: Clock;
};

export class Streams {
  readonly #options: StreamsOptions;
  #system: EpochWriter | undefined;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Where the decisions of one runner process go; their own numbers are the stream's. */
  openDecisions(stream: string) {
    const epoch = this.#begin(stream);
    return {
      write: (decisions: readonly Decision[]): void => {
        for (const decision of decisions) epoch.append(decision.seq, decisionPoint(decision));
      },
      end: () => epoch.end(),
    };
  }

  writeSystem(
    { temperatureC, cpuLoad, memoryAvailableBytes, pssBytes }: SystemReading,
    runnerPid: number | undefined,
  ): void {
    this.#system ??= this.#begin('system');
    const seq = this.#system.next;
    const runnerPss = runnerPid === undefined ? null : pssBytes(runnerPid);
    const tUs = Math.round(this.#options.clock.wallMs() * 1000);
    this.#system.append(seq, [tUs, seq, temperatureC, cpuLoad, memoryAvailableBytes, pssBytes('self'), runnerPss]);
  }

  #begin(stream: string): EpochWriter {
    const { store, writer, random } = this.#options;
    const salt = Math.floor(random() * 0x1000000)
      .toString(16)
      .padStart(6, '0');
    try {
      return writer.begin(
        stream,
        store.stateTransaction(() => store.streams.open(stream, salt)),
      );
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // Not even the count of epochs can be stored: the salt alone tells this one apart.
      return writer.begin(stream, `0-${salt}`);
    }
  }
}

/** The columns of `streamColumns.decisions`; four decimals of a score are more than it is worth. */
function decisionPoint({ tUs, seq, label, score, latencyUs, truth }: Decision): Point {
  const point = [tUs, seq, label, Math.round(score * 10_000) / 10_000, Math.round(latencyUs)];
  return truth === undefined ? point : [...point, truth];
}
