/** Runners that do what a test says: no processes, no models. Same contract as `startRunner`. */
import type { RunnerEvent, RunnerStart, ShadowSpec } from '../../runtime/infer/messages.ts';
import type { RunnerExit, RunnerHandle, RunnerOptions } from '../../runtime/infer/runner-handle.ts';
import { settle } from './fake-clock.ts';

export class FakeRunner implements RunnerHandle {
  readonly start: RunnerStart;
  readonly pid: number;
  readonly exited: Promise<RunnerExit>;
  /** What it compares. */
  shadowed: ShadowSpec | undefined;
  isStopped = false;
  isOver = false;
  #onEvent: (event: RunnerEvent) => void;
  #exit: (exit: RunnerExit) => void;
  #seq = 0;

  constructor(start: RunnerStart, { onEvent }: RunnerOptions, pid: number) {
    const { promise, resolve } = Promise.withResolvers<RunnerExit>();
    this.start = start;
    this.shadowed = start.shadow;
    this.pid = pid;
    this.exited = promise;
    this.#onEvent = onEvent;
    this.#exit = resolve;
  }

  async emit(event: RunnerEvent): Promise<void> {
    this.#onEvent(event);
    await settle();
  }

  async ready(): Promise<void> {
    await this.emit({ kind: 'ready', loadMs: 1 });
  }

  async decide(count: number): Promise<void> {
    const decisions = Array.from({ length: count }, () => ({
      ...{ tUs: 1, seq: this.#seq++, label: 'a', score: 0.5, latencyUs: 100 },
    }));
    await this.emit({ kind: 'decisions', decisions });
  }

  shadow(shadow: ShadowSpec | undefined): void {
    this.shadowed = shadow;
  }

  async crash(): Promise<void> {
    this.isOver = true;
    this.#exit({ code: null, signal: 'SIGKILL' });
    await settle();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.isOver = true;
    this.#exit({ code: 0, signal: null });
  }
}

/** Starts fake runners and keeps them, oldest first. */
export class FakeRunners {
  readonly all: FakeRunner[] = [];
  /** Called for each new runner, for tests in which all of them do the same. */
  onStart: (runner: FakeRunner) => void = () => undefined;

  readonly startRunner = (start: RunnerStart, options: RunnerOptions): FakeRunner => {
    const runner = new FakeRunner(start, options, 1000 + this.all.length);
    this.all.push(runner);
    this.onStart(runner);
    return runner;
  };

  get last(): FakeRunner {
    const last = this.all.at(-1);
    if (last === undefined) throw new Error('expected a runner to have been started, got none');
    return last;
  }

  get alive(): FakeRunner[] {
    return this.all.filter(({ isOver }) => !isOver);
  }
}
