/** Recording windows of sensor data until there are enough to calibrate with, beside the active runner. */
import { rm } from 'node:fs/promises';
import { errorFromRecord, OctetError } from '../../runtime/base/errors.ts';
import type { RunnerEvent, RunnerStart } from '../../runtime/infer/messages.ts';
import type { Ports } from '../ports.ts';
import { SupervisedRunner } from '../supervision/supervised-runner.ts';

/** Calibration yields to the active model. */
const backgroundNiceness = 10;

/** Fewer windows than this tell nothing, whatever else is wrong. */
const fewestWindows = 16;

export type RecordingRequest = {
  readonly start: RunnerStart;
  /** Windows wanted. */
  readonly windows: number;
  readonly onProgress: (windows: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Resolves when `windows` are recorded, or all that the source or the disk quota gives.
 * @throws SOURCE_FAILED when that is too little, the runner's own error when it does not stay up, the signal's reason.
 */
export async function recordWindows(
  ports: Pick<Ports, 'startRunner' | 'clock'>,
  { start, windows, onProgress, signal }: RecordingRequest,
): Promise<void> {
  // What an interrupted recording has of a real sensor counts; a replay begins with its first sample again.
  if (start.record && start.source.kind === 'replay') await rm(start.record.folder, { recursive: true, force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const progress = new RecordingProgress(windows);
  const runner = new SupervisedRunner({
    ...ports,
    start,
    niceness: backgroundNiceness,
    listener: {
      onProcess: () => ({
        onEvent: (event) => {
          const outcome = progress.note(event);
          onProgress(progress.windows);
          if (outcome === 'enough') resolve();
          if (outcome === 'too little') reject(tooLittle(progress.windows, windows));
        },
      }),
      onCrash: () => undefined, // started again; a loop of crashes ends the recording
      onCrashLoop: (error) => reject(errorFromRecord(error)),
    },
  });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await runner.stop();
  }
}

/** Follows a runner's events until its recording is done. */
export class RecordingProgress {
  readonly #wanted: number;
  #windows = 0;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  get windows(): number {
    return this.#windows;
  }

  note(event: RunnerEvent): 'going on' | 'enough' | 'too little' {
    if (event.kind === 'recorded') this.#windows = event.windows;
    const isOver = event.kind === 'ended' || (event.kind === 'recorded' && event.full);
    if (this.#windows >= this.#wanted) return 'enough';
    if (!isOver) return 'going on';
    return this.#windows >= fewestWindows ? 'enough' : 'too little';
  }
}

export function tooLittle(got: number, wanted: number): OctetError {
  return new OctetError('SOURCE_FAILED', `calibration: expected ${wanted} windows from the source, got ${got}`, {
    hint: 'Give the slot a source that lasts longer, or lower calibration.windows.',
  });
}
