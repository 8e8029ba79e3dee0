/**
 * The parent's side of a trial. A trial that crashes, hangs or is killed for want of memory is an expected outcome with a
 * reason, so that the others go on. Imports nothing that loads ONNX Runtime: the agent uses it.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { startChild } from '../base/children.ts';
import { type ErrorRecord, errorRecordFrom, OctetError } from '../base/errors.ts';
import { type Conditions, readConditions } from './conditions.ts';
import { type MemoryLimit, memoryExceeded, readMemoryLimit } from './memory-limit.ts';
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
  /** What it may allocate. Default: nine tenths of what the device has to spare. */
  readonly memory?: MemoryLimit;
  /** How the process is started; tests start other programs. */
  readonly start?: (niceness: number, memoryBytes: number | undefined) => ChildProcess;
};

export type ResultOf<R extends TrialRequest> = Extract<TrialResult, { kind: R['kind'] }>;

export type TrialOutcome<T extends TrialResult> =
  | { readonly ok: true; readonly result: T; readonly before: Conditions; readonly after: Conditions }
  | { readonly ok: false; readonly error: ErrorRecord };

const defaultSilenceMs = 60_000;

/** Measures in a child process. @throws only the signal's reason, when aborted. */
export async function runTrial<R extends TrialRequest>(
  request: R,
  {
    signal,
    onProgress,
    niceness = 10,
    silenceMs = defaultSilenceMs,
    memory,
    watch,
    start = startTrial,
  }: TrialOptions = {},
): Promise<TrialOutcome<ResultOf<R>>> {
  signal?.throwIfAborted();
  const before = readConditions();
  const limit = memory ?? readMemoryLimit();
  const child = start(niceness, limit?.dataBytes);
  offerToOutOfMemoryKiller(child.pid);
  using _watching = child.pid === undefined ? undefined : watch?.(child.pid);
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const result = await resultFrom(child, request, silenceMs, onProgress);
    return { ok: true, result: result as ResultOf<R>, before, after: readConditions() };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, error: errorRecordFrom(reasonOf(error, limit)) };
  } finally {
    signal?.removeEventListener('abort', abort);
    child.kill('SIGKILL');
  }
}

function startTrial(niceness: number, memoryBytes: number | undefined): ChildProcess {
  return startChild('trial', { niceness, ...(memoryBytes === undefined ? {} : { memoryBytes }) });
}

/** Only this side knows how much there was. */
function reasonOf(error: unknown, limit: MemoryLimit | undefined): unknown {
  const isMemory = error instanceof OctetError && error.code === 'OUT_OF_MEMORY';
  return isMemory ? memoryExceeded(limit, error.message) : error;
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
  child.on('exit', (code, killer) => reject(died(...causeOfDeath(code, killer))));
  child.send(request, (error) => {
    if (error) reject(died(`it could not be reached (${error.message})`));
  });
  return promise.finally(() => clearTimeout(silence));
}

function hintOf({ hint }: ErrorRecord): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

function causeOfDeath(code: number | null, killer: NodeJS.Signals | null): [string, string?] {
  if (killer === 'SIGKILL')
    return [
      'killed (SIGKILL, usually for want of memory)',
      'Look at what is free, and who was killed: free -m; dmesg | tail',
    ];
  if (killer === null) return [`exit code ${code} without a result`];
  return [
    `a crash in native code (${killer})`,
    'This model makes ONNX Runtime crash: export it again with other settings, or leave this variant out.',
  ];
}

function died(how: string, hint = 'Its last words are above.'): OctetError {
  return new OctetError('CHILD_FAILED', `trial: expected a result, got ${how}`, { hint });
}

function hung(ms: number): OctetError {
  const seconds = Number((ms / 1000).toPrecision(3));
  return new OctetError('CHILD_TIMEOUT', `trial: expected a sign of life within ${seconds} s, got none`, {
    hint: 'The model never returns (a Loop without an end?), or one inference takes longer than that; or the device is overloaded: uptime; free -m',
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
