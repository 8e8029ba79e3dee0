/**
 * A deadline on the monotonic clock that survives power cuts: what is stored is the time that is left. Time without power
 * does not count, because nothing on such a board can tell how long it was.
 */
import type { Clock } from '../../runtime/base/clock.ts';

/** What is left is stored so often: a cut costs at most as much. */
const saveMs = 60_000;

export class Deadline {
  readonly #clock: Clock;
  readonly #on: { onDue(): void; onSave(): void };
  #dueMs: number | null = null;
  #timer: AbortController | undefined;

  constructor(clock: Clock, on: { onDue(): void; onSave(): void }) {
    this.#clock = clock;
    this.#on = on;
  }

  /** Starts anew, or (null) ends. */
  set(leftMs: number | null): void {
    this.#timer?.abort();
    this.#dueMs = leftMs === null ? null : this.#clock.monotonicMs() + leftMs;
    if (this.#dueMs === null) return;
    this.#timer = new AbortController();
    void this.#wait(this.#dueMs, this.#timer.signal);
  }

  /** Milliseconds, at least 0; null when there is no deadline. */
  get leftMs(): number | null {
    return this.#dueMs === null ? null : Math.max(0, Math.round(this.#dueMs - this.#clock.monotonicMs()));
  }

  async #wait(dueMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const leftMs = dueMs - this.#clock.monotonicMs();
      const isOver = await this.#clock.sleep(Math.max(0, Math.min(saveMs, leftMs)), signal).then(
        () => false,
        () => true, // set anew
      );
      if (isOver || signal.aborted) return;
      if (this.#clock.monotonicMs() >= dueMs) return this.#on.onDue();
      this.#on.onSave();
    }
  }
}
