/** The parent's side of a runner: starts it, hears it, stops it. Knows nothing of models, so that the agent stays small. */
import type { ChildProcess } from 'node:child_process';
import { startChild } from '../base/children.ts';
import type { ErrorRecord } from '../base/errors.ts';
import type { RunnerEvent, RunnerRequest, RunnerStart, ShadowSpec } from './messages.ts';

/** A runner that was asked to stop has so long to deliver what it holds. */
const stopMs = 8000;

export type RunnerExit = {
  /** 0 after `stop` or the source's end; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said before it failed, or why it could not be started. */
  readonly error?: ErrorRecord;
};

export type RunnerHandle = {
  readonly pid: number | undefined;
  /** Begins, replaces or (undefined) ends the comparison of two models on its windows. */
  shadow(shadow: ShadowSpec | undefined): void;
  /** Asks it to end, and resolves when it has; after 8 s it is killed. */
  stop(): Promise<void>;
  /** Never rejects: an end is news, not an error. */
  readonly exited: Promise<RunnerExit>;
};

export type RunnerOptions = {
  /** Every event but what `exited` tells, in order. */
  readonly onEvent: (event: RunnerEvent) => void;
  /** Kills the runner at once. */
  readonly signal?: AbortSignal;
  /** 0 (default) to 19. */
  readonly niceness?: number;
};

export function startRunner(start: RunnerStart, { onEvent, signal, niceness }: RunnerOptions): RunnerHandle {
  const child = startChild('runner', { ...(signal ? { signal } : {}), ...(niceness ? { niceness } : {}) });
  const exited = exitOf(child).finally(endPrograms(child));
  child.on('message', (event: RunnerEvent) => onEvent(event));
  send(child, start);
  return {
    pid: child.pid,
    exited,
    shadow: (shadow) => send(child, { kind: 'shadow', ...(shadow ? { shadow } : {}) }),
    async stop() {
      send(child, { kind: 'stop' });
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/**
 * A runner that was killed had no time to end its sensor's program, and one that never reads its stdin, nor prints, would not
 * notice. @returns what ends those that still ran when the runner was last heard of.
 */
function endPrograms(child: ChildProcess): () => void {
  const running = new Set<number>();
  child.on('message', (event: RunnerEvent) => {
    if (event.kind !== 'program') return;
    if (event.isRunning) running.add(event.pid);
    else running.delete(event.pid);
  });
  return () => {
    for (const pid of running) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // All of its group are gone, which is what is wanted.
      }
    }
  };
}

/** A message to a runner that is gone is void: `exited` tells what became of it. */
function send(child: ChildProcess, request: RunnerRequest): void {
  if (child.connected) child.send(request, () => {});
}

function exitOf(child: ChildProcess): Promise<RunnerExit> {
  let error: ErrorRecord | undefined;
  child.on('message', (event: RunnerEvent) => {
    if (event.kind === 'failed') error = event.error;
  });
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) =>
      resolve({ code, signal, ...(error ? { error } : {}) });
    child.once('error', ({ message }) => {
      error ??= { code: 'CHILD_FAILED', message: `runner: expected it to start, got ${message}` };
      // An aborted child still exits; one that never started does not.
      if (child.pid === undefined) end(null, null);
    });
    child.once('exit', end);
  });
}
