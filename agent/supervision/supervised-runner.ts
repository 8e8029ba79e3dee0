/**
 * Keeps one runner process alive. A crash costs one process: it is counted, and started again after a growing pause; each
 * new process is a new epoch for whoever listens.
 */
import { type ErrorRecord, OctetError } from '../../runtime/base/errors.ts';
import type { RunnerEvent, RunnerStart, ShadowSpec } from '../../runtime/infer/messages.ts';
import type { RunnerExit, RunnerHandle } from '../../runtime/infer/runner-handle.ts';
import type { Ports } from '../ports.ts';
import { crashLoop, decideRestart } from './restart-policy.ts';

/** The agent itself ends within 3 s; a runner gets most of that to close its recording. */
const stopMs = 2000;

/** Hears one process. */
export type ProcessListener = {
  onEvent(event: RunnerEvent): void;
  /** It is gone; a last few events may still arrive. */
  onExit?(): void;
};

export type RunnerListener = {
  /** A process starts: who hears it. */
  onProcess(): ProcessListener;
  /** It died, or said that it cannot go on; it is being started again. */
  onCrash(error: ErrorRecord): void;
  onCrashLoop(error: ErrorRecord): void;
};

export type SupervisedRunnerOptions = Pick<Ports, 'startRunner' | 'clock'> & {
  readonly start: RunnerStart;
  readonly listener: RunnerListener;
  readonly niceness?: number;
};

export class SupervisedRunner {
  /** Resolves when the model is loaded for the first time; rejects when that fails too often, or on stop. */
  readonly ready: Promise<void>;
  readonly #options: SupervisedRunnerOptions;
  readonly #stopping = new AbortController();
  readonly #killing = new AbortController();
  readonly #finished: Promise<void>;
  #handle: RunnerHandle | undefined;
  /** What a process that starts next is told, too. */
  #shadow: ShadowSpec | undefined;

  constructor(options: SupervisedRunnerOptions) {
    this.#options = options;
    this.#shadow = options.start.shadow;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    promise.catch(() => undefined); // whoever does not wait for it hears of crashes through the listener
    this.#finished = this.#run(resolve, reject);
  }

  get pid(): number | undefined {
    return this.#handle?.pid;
  }

  /** Begins, replaces or (undefined) ends a comparison on live windows; it outlives a crash. */
  shadow(shadow: ShadowSpec | undefined): void {
    if (JSON.stringify(shadow) === JSON.stringify(this.#shadow)) return;
    this.#shadow = shadow;
    this.#handle?.shadow(shadow);
  }

  /** Ends the process; resolves when it is gone. One that does not end by itself is killed. */
  async stop(): Promise<void> {
    const isFirst = !this.#stopping.signal.aborted;
    this.#stopping.abort();
    if (isFirst) {
      const over = new AbortController();
      const { clock } = this.#options;
      clock.sleep(stopMs, over.signal).then(
        () => this.#killing.abort(),
        () => undefined, // it ended in time
      );
      await this.#handle?.stop();
      over.abort();
    }
    await this.#finished;
  }

  async #run(onReady: () => void, onHopeless: (error: OctetError) => void): Promise<void> {
    const { clock, listener } = this.#options;
    const { signal } = this.#stopping;
    let crashesMs: readonly number[] = [];
    while (!signal.aborted) {
      const error = await this.#runOnce(onReady);
      if (signal.aborted || error === undefined) break;
      crashesMs = [...crashesMs, clock.monotonicMs()].slice(-crashLoop.count);
      const decision = decideRestart(crashesMs);
      if (decision.kind === 'restart') listener.onCrash(error);
      else {
        listener.onCrashLoop(error);
        onHopeless(new OctetError(error.code, error.message));
      }
      await clock.sleep(decision.afterMs, signal).catch(() => undefined); // stopped: the loop ends
    }
    onHopeless(new OctetError('CANCELLED', 'expected the runner to become ready, got a stop'));
  }

  /** One process from start to end. @returns why it crashed, or undefined when it ended as it should. */
  async #runOnce(onReady: () => void): Promise<ErrorRecord | undefined> {
    const { startRunner, niceness, listener } = this.#options;
    const { shadow: _, ...bare } = this.#options.start;
    const start = this.#shadow === undefined ? bare : { ...bare, shadow: this.#shadow };
    const process = listener.onProcess();
    let failure: ErrorRecord | undefined;
    let hasEnded = false;
    const onEvent = (event: RunnerEvent) => {
      if (event.kind === 'failed') failure = event.error;
      if (event.kind === 'ended') hasEnded = true;
      if (event.kind === 'ready') onReady();
      process.onEvent(event);
    };
    // Not the stop signal: it would kill, and a stop lets recordings be closed first.
    const { signal } = this.#killing;
    const handle = startRunner(start, { onEvent, signal, ...(niceness === undefined ? {} : { niceness }) });
    this.#handle = handle;
    const exit = await handle.exited;
    process.onExit?.();
    if (hasEnded && exit.code === 0) return undefined;
    return exit.error ?? failure ?? crashRecord(exit);
  }
}

function crashRecord({ code, signal }: RunnerExit): ErrorRecord {
  const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return { code: 'CHILD_FAILED', message: `runner: expected it to keep running, got ${end}` };
}
