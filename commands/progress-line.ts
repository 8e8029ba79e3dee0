/** Progress for people on stderr: one line that changes on a terminal, a line now and then elsewhere. */
import type { Clock } from '../runtime/base/clock.ts';

export type ProgressLine = {
  /** @param fraction 0 to 1. */
  show(fraction: number, detail: string): void;
  /** Leaves the line clean for what comes next. */
  end(): void;
};

/** Milliseconds between two changes; a log gets fewer lines than a terminal. */
const intervals = { terminal: 100, log: 2000 };

export function progressLine(stream: NodeJS.WriteStream, clock: Clock): ProgressLine {
  const startMs = clock.monotonicMs();
  const intervalMs = stream.isTTY ? intervals.terminal : intervals.log;
  // A terminal line is shown at once; a log only learns of work that takes a while.
  let shownMs = stream.isTTY ? startMs - intervalMs : startMs;
  return {
    show(fraction, detail) {
      const nowMs = clock.monotonicMs();
      if (nowMs - shownMs < intervalMs) return;
      shownMs = nowMs;
      const line = `${detail} · ${timeLeft(fraction, nowMs - startMs)}`;
      stream.write(stream.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end() {
      if (stream.isTTY) stream.write('\r\u001b[K');
    },
  };
}

/** Assumes that what is left goes as fast as what is done. */
function timeLeft(fraction: number, elapsedMs: number): string {
  if (fraction <= 0) return 'estimating the time left';
  const seconds = Math.ceil(((1 - fraction) / fraction) * (elapsedMs / 1000));
  return seconds < 90 ? `${seconds} s left` : `${Math.ceil(seconds / 60)} min left`;
}
