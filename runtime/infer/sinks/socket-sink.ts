/**
 * Decisions to whoever listens on a Unix socket, one JSON object per line. A decision is about now: while nobody listens, or
 * the listener does not read, decisions are lost and counted, not kept.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { OctetError, systemCodeOf } from '../../base/errors.ts';
import type { Report } from '../problems.ts';
import type { Sink } from './sink.ts';

const reconnectDelaysMs = [50, 100, 250, 500, 1000, 2000] as const;
/** What a slow listener may leave unread in our memory. */
const maxUnreadBytes = 1 << 20;

export function createSocketSink(path: string, report: Report, clock: Clock): Sink {
  const closing = new AbortController();
  let socket = connect(path);
  const lost = (got: string) => report(lostError(path, got));
  const connected = keepConnected(path, clock, closing.signal, socket, (next) => {
    socket = next;
  });
  return {
    write(decision) {
      if (socket.destroyed) return lost('nobody listening');
      if (socket.writableLength > maxUnreadBytes) return lost('a listener that does not read');
      socket.write(`${JSON.stringify(decision)}\n`, (error) => {
        if (error) lost(systemCodeOf(error) ?? error.message);
      });
    },
    async close() {
      closing.abort();
      if (!socket.connecting) socket.destroySoon();
      else socket.destroy();
      await connected;
    },
  };
}

/** Connects again whenever the connection ends, ever later while nobody answers. */
async function keepConnected(
  path: string,
  clock: Clock,
  signal: AbortSignal,
  first: Socket,
  use: (socket: Socket) => void,
): Promise<void> {
  let socket = first;
  for (let attempt = 0; ; attempt++) {
    const answered = await lifetimeOf(socket);
    if (answered) attempt = 0;
    if (signal.aborted) return;
    const delayMs = reconnectDelaysMs[Math.min(attempt, reconnectDelaysMs.length - 1)] as number;
    // An abort ends the wait; the next line sees it.
    await clock.sleep(delayMs, signal).catch(() => {});
    if (signal.aborted) return;
    socket = connect(path);
    use(socket);
  }
}

/** Resolves when the connection is gone: whether there was one. Errors are reported with the decisions they cost. */
function lifetimeOf(socket: Socket): Promise<boolean> {
  let answered = false;
  socket.once('connect', () => {
    answered = true;
  });
  socket.on('error', () => {});
  // The listener is to read, not to answer: what it sends is thrown away, and its end is ours.
  socket.resume();
  // Not `events.once`: it would reject on the error that comes before.
  return new Promise((resolve) => socket.once('close', () => resolve(answered)));
}

function lostError(path: string, got: string): OctetError {
  return new OctetError('SINK_FAILED', `sink ${path}: expected a listener, got ${got}`, {
    hint: `Start the program that listens on ${path}; decisions flow again by themselves.`,
  });
}
