/** A clock that moves only when told to: tests of waiting do not wait. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../runtime/base/clock.ts';

export class FakeClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #sleepers: { untilMs: number; wake: () => void }[] = [];

  /** @param wallMs Unix time at the start; the default is a plausible one. */
  constructor(wallMs = Date.UTC(2026, 5, 1)) {
    this.#wallOffsetMs = wallMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { untilMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** The network tells the time: wall time jumps, the monotonic clock does not. */
  setWall(wallMs: number): void {
    this.#wallOffsetMs = wallMs - this.#nowMs;
  }

  /** Lets `ms` pass, waking each sleeper at its time and letting what it does run before time goes on. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const due = this.#sleepers.filter(({ untilMs }) => untilMs <= endMs).sort((a, b) => a.untilMs - b.untilMs)[0];
      if (due === undefined) break;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== due);
      this.#nowMs = Math.max(this.#nowMs, due.untilMs);
      due.wake();
    }
    this.#nowMs = endMs;
    await settle();
  }
}

/** Lets everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await nextTurn();
}

/** Lets the event loop turn until it is so: for work that reads real files between two steps of a fake clock. */
export async function settleUntil(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`expected within 10 s: ${what}`);
    await nextTurn();
  }
}
