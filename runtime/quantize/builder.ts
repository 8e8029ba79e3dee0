/** The parent's side of the builder process. Imports nothing that loads ONNX Runtime: the agent uses it. */
import type { ChildProcess } from 'node:child_process';
import { startChild } from '../base/children.ts';
import { errorFromRecord, OctetError } from '../base/errors.ts';
import type { BuilderEvent, BuildRequest, BuiltVariant } from './messages.ts';

export type BuildOptions = {
  readonly onEvent?: (event: BuilderEvent) => void;
  /** Kills the builder when aborted. */
  readonly signal?: AbortSignal;
  /** Scheduling niceness, 0 to 19. Default 10: building yields to the active model. */
  readonly niceness?: number;
  /** A builder that says nothing for so long is taken for dead. Default five minutes. */
  readonly silenceMs?: number;
};

const defaultSilenceMs = 5 * 60_000;

/**
 * Builds variants in a child process.
 * @returns those that were built; recipes with nothing to do are told by `skipped` events.
 * @throws what the builder reported; CHILD_FAILED when it died, CHILD_TIMEOUT when it fell silent; the signal's reason.
 */
export async function buildVariants(
  request: Omit<BuildRequest, 'kind'>,
  { onEvent, signal, niceness = 10, silenceMs = defaultSilenceMs }: BuildOptions = {},
): Promise<BuiltVariant[]> {
  signal?.throwIfAborted();
  const child = startChild('builder', { niceness, ...(signal ? { signal } : {}) });
  const built: BuiltVariant[] = [];
  try {
    await untilDone(
      child,
      silenceMs,
      signal,
      (event) => {
        if (event.kind === 'built') built.push(event.variant);
        onEvent?.(event);
      },
      () => child.send({ kind: 'build', ...request } satisfies BuildRequest),
    );
    return built;
  } finally {
    child.kill('SIGKILL');
  }
}

function untilDone(
  child: ChildProcess,
  silenceMs: number,
  signal: AbortSignal | undefined,
  onEvent: (event: BuilderEvent) => void,
  start: () => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const silence = setTimeout(() => reject(silent(silenceMs)), silenceMs);
  child.on('message', (event: BuilderEvent) => {
    silence.refresh();
    onEvent(event);
    if (event.kind === 'done') resolve();
    if (event.kind === 'failed') reject(errorFromRecord(event.error));
  });
  child.on('error', (cause) => reject(signal?.aborted ? signal.reason : died(`it did not start (${cause.message})`)));
  child.on('exit', (code, killer) => reject(signal?.aborted ? signal.reason : died(killer ?? `exit code ${code}`)));
  start();
  return promise.finally(() => clearTimeout(silence));
}

function died(how: string): OctetError {
  return new OctetError('CHILD_FAILED', `builder: expected it to finish, got ${how}`, {
    hint: 'SIGKILL usually means too little memory: free some, or lower the number of samples. Its last words are above.',
  });
}

function silent(ms: number): OctetError {
  return new OctetError('CHILD_TIMEOUT', `builder: expected a sign of life within ${ms} ms, got none`, {
    hint: 'Is the machine overloaded or swapping? uptime; free -m',
  });
}
