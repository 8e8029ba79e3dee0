/**
 * The parent's side of a trial. A trial that crashes, hangs or is killed for want of memory is an expected outcome with a
 * reason, so that the others go on. Imports nothing that loads ONNX Runtime: the agent uses it.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { startChild } from '../base/children.ts';
import { type ErrorRecord, errorRecordFrom, OctetError } from '../base/errors.ts';
import { type Conditions, readConditions } from './conditions.ts';
import type { TrialEvent, TrialRequest, TrialResult } from './messages.ts';

export type TrialOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
  /** Scheduling niceness, 0 to 19. Default 10: measuring yields to the active model. */
  readonly niceness?: number;
  /** A trial that says nothing for so long is taken for hung. Default one minute. */
  readonly silenceMs?: number;
  /** Watches the process from outside, from its start until it is disposed of. */
  readonly watch?: (pid: number) => Disposable;
  /** How the process is started; tests start other programs. */
  readonly start?: (niceness: number) => ChildProcess;
};

export type ResultOf<R extends TrialRequest> = Extract<TrialResult, { kind: R['kind'] }>;

export type TrialOutcome<T extends TrialResult> =
  | { readonly ok: true; readonly result: T; readonly before: Conditions; readonly after: Conditions }
  | { readonly ok: false; readonly error: ErrorRecord };

const defaultSilenceMs = 60_000;

/** Measures in a child process. @throws only the signal's reason, when aborted. */
export async function runTrial<R extends TrialRequest>(
  request: R,
  { signal, onProgress, niceness = 10, silenceMs = defaultSilenceMs, watch, start }: TrialOptions = {},
): Promise<TrialOutcome<ResultOf<R>>> {
  signal?.throwIfAborted();
  const before = readConditions();
  const child = (start ?? startTrial)(niceness);
  offerToOutOfMemoryKiller(child.pid);
  using _watching = child.pid === undefined ? undefined : watch?.(child.pid);
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const result = await resultFrom(child, request, silenceMs, onProgress);
    return { ok: true, result: result as ResultOf<R>, before, after: readConditions() };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, error: errorRecordFrom(error) };
  } finally {
    signal?.removeEventListener('abort', abort);
    child.kill('SIGKILL');
  }
}

function startTrial(niceness: number): ChildProcess {
  return startChild('trial', { niceness });
}

function resultFrom(
  child: ChildProcess,
  request: TrialRequest,
  silenceMs: number,
  onProgress: ((fraction: number) => void) | undefined,
): Promise<TrialResult> {
  const { promise, resolve, reject } = Promise.withResolvers<TrialResult>();
  const silence = setTimeout(() => reject(hung(silenceMs)), silenceMs);
  child.on('message', (event: TrialEvent) => {
    silence.refresh();
    if (event.kind === 'progress') onProgress?.(event.fraction);
    if (event.kind === 'result') resolve(event.result);
    if (event.kind === 'failed') reject(new OctetError(event.error.code, event.error.message, hintOf(event.error)));
  });
  child.on('error', (cause) => reject(died(`it did not start (${cause.message})`)));
  child.on('exit', (code, killer) => reject(died(deathCause(code, killer))));
  child.send(request, (error) => {
    if (error) reject(died(`it could not be reached (${error.message})`));
  });
  return promise.finally(() => clearTimeout(silence));
}

function hintOf({ hint }: ErrorRecord): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

function deathCause(code: number | null, killer: NodeJS.Signals | null): string {
  if (killer === 'SIGKILL') return 'killed (SIGKILL, usually for want of memory)';
  return killer === null ? `exit code ${code} without a result` : `a crash in native code (${killer})`;
}

function died(how: string): OctetError {
  return new OctetError('CHILD_FAILED', `trial: expected a result, got ${how}`, {
    hint: 'Its last words are above. Too little memory? free -m; dmesg | tail',
  });
}

function hung(ms: number): OctetError {
  return new OctetError('CHILD_TIMEOUT', `trial: expected a sign of life within ${ms} ms, got none`, {
    hint: 'The model may be too slow for this device, or the device is overloaded: uptime; free -m',
  });
}

/** When memory runs out, the kernel shall take the trial and not the runner. */
function offerToOutOfMemoryKiller(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // The child has ended already, or the system forbids it: then the kernel's own judgement stands.
  }
}
