/**
 * The parent's side of a search. A form of the model that crashes ONNX Runtime costs one process: the next one goes on with what was
 * found out, and names the form among those it refused.
 */
import type { ChildProcess } from 'node:child_process';
import { startChild } from '../../base/children.ts';
import { errorFromRecord, OctetError } from '../../base/errors.ts';
import type { AutoOptions, AutoResult } from './auto.ts';
import type { AutoEvent, AutoRequest } from './auto-messages.ts';
import type { Crash } from './journal.ts';
import type { Contender } from './search.ts';

export type RunAutoOptions = Pick<AutoOptions, 'onProgress' | 'signal'> & {
  /** How the process is started; for tests. */
  readonly start?: () => ChildProcess;
};

/** After so many crashes something else is wrong than single forms. */
const mostCrashes = 8;

type Death = { readonly attempt: Omit<Crash, 'reason'> | undefined; readonly cause: string };

/** @throws what the search reported; CHILD_FAILED when it died outside of any form, or again and again; the signal's reason. */
export async function runAuto(
  request: Omit<AutoRequest, 'kind' | 'known' | 'crashes'>,
  { onProgress, signal, start = () => startChild('search') }: RunAutoOptions = {},
): Promise<AutoResult> {
  const known: Contender[] = [];
  const crashes: Crash[] = [];
  const fromMs = performance.now();
  for (;;) {
    const searchMs = Math.max(0, request.options.searchMs - (performance.now() - fromMs));
    const options = { ...request.options, searchMs };
    const outcome = await searchOnce(
      { ...request, options, kind: 'auto', known, crashes },
      start(),
      signal,
      (event) => {
        if (event.kind === 'found') known.push(event.contender);
        if (event.kind === 'progress') onProgress?.(event.fraction, event.detail);
      },
    );
    if ('recipe' in outcome) return outcome;
    if (!outcome.attempt || crashes.length === mostCrashes) throw died(outcome.cause);
    crashes.push({ ...outcome.attempt, reason: `ONNX Runtime crashed on it (${outcome.cause})` });
  }
}

/** @throws what the search reported; the signal's reason. */
async function searchOnce(
  request: AutoRequest,
  child: ChildProcess,
  signal: AbortSignal | undefined,
  onEvent: (event: AutoEvent) => void,
): Promise<AutoResult | Death> {
  const { promise, resolve, reject } = Promise.withResolvers<AutoResult | Death>();
  let attempt: Death['attempt'];
  const abort = () => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  child.on('message', (event: AutoEvent) => {
    if (event.kind === 'begin') attempt = event.attempt;
    if (event.kind === 'found') attempt = undefined;
    if (event.kind === 'result') resolve(event.result);
    if (event.kind === 'failed') reject(errorFromRecord(event.error));
    onEvent(event);
  });
  child.on('error', ({ message }) => resolve({ attempt: undefined, cause: message }));
  child.on('exit', (code, killer) => resolve({ attempt, cause: killer ?? `exit code ${code}` }));
  try {
    signal?.throwIfAborted();
    child.send(request, (error) => error && resolve({ attempt: undefined, cause: error.message }));
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
    child.kill('SIGKILL');
  }
}

function died(cause: string): OctetError {
  return new OctetError('CHILD_FAILED', `search: expected a result, got ${cause}`, {
    hint: 'SIGKILL usually means too little memory: free -m. Otherwise try single recipes: --recipe static, --recipe dynamic.',
  });
}
