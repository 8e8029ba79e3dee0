/**
 * Decisions appended to a file, one JSON object per line. A decision that comes alone is written
 * at once; a rush of them goes out in one write every few milliseconds, because a write each would slow inference down.
 */
import { appendFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { OctetError, systemCodeOf } from '../../base/errors.ts';
import type { Report } from '../problems.ts';
import type { Sink } from './sink.ts';

const betweenWritesMs = 10;
/** A disk that does not answer may not fill the memory. */
const maxWaiting = 10_000;

export function createFileSink(path: string, report: Report, clock: Clock): Sink {
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      await appendFile(path, lines.join('')).catch((cause) => report(lostError(path, lines.length, cause)));
      await clock.sleep(betweenWritesMs);
    }
    writing = undefined;
  };
  return {
    write(decision) {
      if (waiting.length >= maxWaiting) return report(lostError(path, 1, 'a disk that does not keep up'));
      waiting.push(`${JSON.stringify(decision)}\n`);
      writing ??= drain();
    },
    close: async () => writing,
  };
}

function lostError(path: string, decisions: number, cause: unknown): OctetError {
  const got = systemCodeOf(cause) ?? String(cause);
  return new OctetError('SINK_FAILED', `sink ${path}: expected to append ${decisions} decision(s), got ${got}`, {
    hint: `Check that the disk has room and the folder is writable: df -h ${path}`,
    cause,
  });
}
