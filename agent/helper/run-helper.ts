/**
 * Rare and large work (the TUF client, a selection, the probe) in a process that ends with it: what it loads does not
 * stay in the agent, and what crashes in it does not take the agent along.
 */
import { startChild } from '../../runtime/base/children.ts';
import { errorFromRecord, OctetError } from '../../runtime/base/errors.ts';
import type { HelperEvent, HelperRequest, HelperWork, WorkName } from './messages.ts';

export type HelperOptions<K extends WorkName> = {
  readonly onProgress?: ((progress: HelperWork[K]['progress']) => void) | undefined;
  /** Kills the helper, and with it whatever it started. */
  readonly signal?: AbortSignal | undefined;
  /** 0 (default) to 19. What the helper starts inherits it. */
  readonly niceness?: number;
};

/** @throws what the work throws; CHILD_FAILED when the helper dies; the signal's reason. */
export function runHelper<K extends WorkName>(
  work: K,
  request: HelperWork[K]['request'],
  { onProgress, signal, niceness = 0 }: HelperOptions<K> = {},
): Promise<HelperWork[K]['result']> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = startChild('helper', { niceness, ...(signal ? { signal } : {}) });
    child.on('message', (event: HelperEvent<K>) => {
      if (event.kind === 'progress') onProgress?.(event.progress);
      if (event.kind === 'done') resolve(event.result);
      if (event.kind === 'failed') reject(errorFromRecord(event.error));
    });
    child.once('error', (cause) => reject(signal?.aborted ? signal.reason : died(work, cause.message, cause)));
    // After `done` or `failed` this changes nothing: a promise settles once.
    child.once('exit', (code, killer) => reject(died(work, killer ?? `exit code ${code}`)));
    const message = { work, request } as HelperRequest;
    child.send(message, () => undefined); // a helper that is gone by now is reported by `exit`
  });
}

function died(work: WorkName, end: string, cause?: unknown): OctetError {
  return new OctetError('CHILD_FAILED', `helper (${work}): expected a result, got its end (${end})`, {
    hint: 'See the log above. If it was killed for want of memory: journalctl -k | grep -i oom',
    cause,
  });
}
