/** Publishes `reported` when it changes, at most so often: progress moves faster than anyone reads, and radio costs money. */
import type { Clock } from '../runtime/base/clock.ts';

const minIntervalMs = 500;

export class Reporter {
  readonly #publish: () => void;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isScheduled = false;

  constructor(publish: () => void, clock: Clock, signal: AbortSignal) {
    this.#publish = publish;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Something changed: publishes at once, or as soon as the interval since the last time is over. */
  changed(): void {
    if (this.#isScheduled || this.#signal.aborted) return;
    const waitMs = this.#lastMs + minIntervalMs - this.#clock.monotonicMs();
    if (waitMs <= 0) this.#now();
    else {
      this.#isScheduled = true;
      this.#clock.sleep(waitMs, this.#signal).then(
        () => this.#now(),
        () => undefined, // stopping: the last word is `online: false`
      );
    }
  }

  #now(): void {
    this.#isScheduled = false;
    this.#lastMs = this.#clock.monotonicMs();
    this.#publish();
  }
}
