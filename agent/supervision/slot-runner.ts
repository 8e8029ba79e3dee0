/**
 * The active runner of one slot. It is replaced without a pause in inference: the next one loads its model first, and
 * only then does the old one stop.
 */
import { OctetError } from '../../runtime/base/errors.ts';
import type { RunnerStart, ShadowSpec } from '../../runtime/infer/messages.ts';
import type { Ports } from '../ports.ts';
import { type RunnerListener, SupervisedRunner } from './supervised-runner.ts';

/** Loading a large model from a slow card takes long; a process that says nothing for this long hangs. */
const readyTimeoutMs = 120_000;

/** A runner and what it was told. */
type Running = { readonly runner: SupervisedRunner; readonly start: RunnerStart; readonly listener: RunnerListener };

export class SlotRunner {
  readonly #ports: Pick<Ports, 'startRunner' | 'clock'>;
  #current: Running | undefined;
  #next: SupervisedRunner | undefined;
  /** Asked for before anything ran. */
  #earlyShadow: { readonly shadow: ShadowSpec | undefined } | undefined;

  constructor(ports: Pick<Ports, 'startRunner' | 'clock'>) {
    this.#ports = ports;
  }

  get pid(): number | undefined {
    return this.#current?.runner.pid;
  }

  /**
   * Runs this, whatever ran before; nothing to do when it does already. Does not wait for the first one to be ready.
   * @throws when another one does not become ready, or the signal is aborted; then the old one goes on.
   */
  async run(start: RunnerStart, listener: RunnerListener, signal?: AbortSignal): Promise<void> {
    if (this.#current && isSame(this.#current.start, start)) return this.shadow(start.shadow);
    if (this.#current) return this.#replace(start, listener, signal);
    this.#current = { start, listener, runner: new SupervisedRunner({ ...this.#ports, start, listener }) };
    if (this.#earlyShadow) this.shadow(this.#earlyShadow.shadow);
  }

  /** A new process of what runs takes over from the old one. @throws as `run` does. */
  async restart(): Promise<void> {
    if (this.#current) await this.#replace(this.#current.start, this.#current.listener, undefined);
  }

  /** Begins, replaces or (undefined) ends a comparison on live windows. */
  shadow(shadow: ShadowSpec | undefined): void {
    if (this.#current) this.#current.runner.shadow(shadow);
    else this.#earlyShadow = { shadow };
  }

  async #replace(start: RunnerStart, listener: RunnerListener, signal: AbortSignal | undefined): Promise<void> {
    await this.#next?.stop();
    const next = new SupervisedRunner({ ...this.#ports, start, listener });
    this.#next = next;
    try {
      await this.#inTime(next.ready, signal);
    } catch (error) {
      await next.stop();
      throw error;
    } finally {
      if (this.#next === next) this.#next = undefined;
    }
    const old = this.#current;
    this.#current = { start, listener, runner: next };
    await old?.runner.stop();
  }

  async #inTime(ready: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const timer = new AbortController();
    const abort = () => timer.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const late = this.#ports.clock.sleep(readyTimeoutMs, timer.signal).then(() => {
      throw new OctetError('CHILD_TIMEOUT', `runner: expected it to be ready within ${readyTimeoutMs} ms, got nothing`);
    });
    try {
      await Promise.race([ready, late]);
    } finally {
      signal?.removeEventListener('abort', abort);
      timer.abort();
      late.catch(() => undefined); // the timer's own end
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#next?.stop(), this.#current?.runner.stop()]);
  }
}

function isSame(a: RunnerStart, b: RunnerStart): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
