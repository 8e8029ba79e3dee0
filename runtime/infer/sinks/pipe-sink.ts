/**
 * A program that stays and gets a line of JSON per decision on its stdin: for what would be too slow to start each time. It is started
 * again when it ends. A decision is about now: what it does not take in time is lost and counted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import { OctetError } from '../../base/errors.ts';
import type { SinkSpec } from '../messages.ts';
import type { Report } from '../problems.ts';
import type { Sink } from './sink.ts';

const restartDelaysMs = [100, 500, 1000, 2000, 5000] as const;
/** What a slow program may leave unread in our memory. */
const maxUnreadBytes = 1 << 20;
/** So long may it take to end after its stdin has. */
const patienceMs = 2000;

export function createPipeSink(
  { command, labels }: Extract<SinkSpec, { kind: 'pipe' }>,
  report: Report,
  clock: Clock,
): Sink {
  const closing = new AbortController();
  const lost = (got: string) => report(pipeError(command, got));
  let child: ChildProcess | undefined;
  const running = keepRunning(command, clock, closing.signal, lost, (next) => {
    child = next;
  });
  return {
    write(decision) {
      if (labels && !labels.includes(decision.label)) return;
      const stdin = child?.stdin;
      if (!stdin?.writable) return lost('a program that is not running');
      if (stdin.writableLength > maxUnreadBytes) return lost('a program that does not read');
      stdin.write(`${JSON.stringify(decision)}\n`);
    },
    async close() {
      closing.abort();
      child?.stdin?.end();
      // What reads its stdin to the end ends by itself; the rest is made to.
      const kill = setTimeout(() => child?.kill('SIGKILL'), patienceMs);
      await running;
      clearTimeout(kill);
    },
  };
}

async function keepRunning(
  [file = '', ...args]: readonly string[],
  clock: Clock,
  signal: AbortSignal,
  lost: (got: string) => void,
  use: (child: ChildProcess) => void,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    const startedMs = clock.monotonicMs();
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 2] });
    // Said by its end.
    child.stdin?.on('error', () => {});
    use(child);
    const ending = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, killer) => resolve(killer ?? `exit code ${code}`));
    });
    if (signal.aborted) return;
    lost(ending);
    if (clock.monotonicMs() - startedMs > restartDelaysMs.at(-1)!) attempt = 0;
    // An abort ends the wait; the loop's condition sees it.
    await clock.sleep(restartDelaysMs[Math.min(attempt, restartDelaysMs.length - 1)]!, signal).catch(() => {});
  }
}

function pipeError(command: readonly string[], got: string): OctetError {
  return new OctetError(
    'SINK_FAILED',
    `sink ${command.join(' ')}: expected a program that takes decisions, got ${got}`,
    {
      hint: 'Run it by hand and type a line of JSON; it must go on reading until its input ends.',
    },
  );
}
