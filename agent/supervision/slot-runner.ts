/**
 * The active runner of one slot. It is replaced without a pause in inference: the next one loads its model first, and
 * only then does the old one stop.
 */
import { OctetError } from '../../runtime/base/errors.ts';
import type { RunnerStart } from '../../runtime/infer/messages.ts';
import type { Ports } from '../ports.ts';
import { type RunnerListener, SupervisedRunner } from './supervised-runner.ts';

/** Loading a large model from a slow card takes long; a process that says nothing for this long hangs. */
const readyTimeoutMs = 120_000;

export class SlotRunner {
  readonly #ports: Pick<Ports, 'startRunner' | 'clock'>;
  #current: SupervisedRunner | undefined;
  #next: SupervisedRunner | undefined;

  constructor(ports: Pick<Ports, 'startRunner' | 'clock'>) {
    this.#ports = ports;
  }

  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** Starts what runs while nothing else does; does not wait for it to be ready. */
  begin(start: RunnerStart, listener: RunnerListener): void {
    this.#current = new SupervisedRunner({ ...this.#ports, start, listener });
  }

  get isEmpty(): boolean {
    return this.#current === undefined;
  }

  /** Replaces what runs. @throws when the new one does not become ready; then the old one goes on. */
  async switchTo(start: RunnerStart, listener: RunnerListener): Promise<void> {
    await this.#next?.stop();
    const next = new SupervisedRunner({ ...this.#ports, start, listener });
    this.#next = next;
    try {
      await this.#inTime(next.ready);
    } catch (error) {
      await next.stop();
      throw error;
    } finally {
      if (this.#next === next) this.#next = undefined;
    }
    const old = this.#current;
    this.#current = next;
    await old?.stop();
  }

  async #inTime(ready: Promise<void>): Promise<void> {
    const timer = new AbortController();
    const late = this.#ports.clock.sleep(readyTimeoutMs, timer.signal).then(() => {
      throw new OctetError('CHILD_TIMEOUT', `runner: expected it to be ready within ${readyTimeoutMs} ms, got nothing`);
    });
    try {
      await Promise.race([ready, late]);
    } finally {
      timer.abort();
      late.catch(() => undefined); // the timer's own end
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#next?.stop(), this.#current?.stop()]);
  }
}
