/** What an operator knows of the fleet: the console's own state, and beside it jobs, desired documents, records and answers. */
import type { Arrived } from '../../agent/link/connect-once.ts';
import {
  type Bench,
  benchSchema,
  type JobState,
  jobStateSchema,
  type Log,
  logSchema,
  type Reply,
  replySchema,
} from '../../agent/protocol/messages.ts';
import { readReplyTopic, readUpTopic } from '../../agent/protocol/topics.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { readReceived } from '../console/received.ts';
import { type DeviceState, type FleetState, initialState, reduce } from '../console/state.ts';

export type BenchRecord = { readonly device: string; readonly variant: string; readonly body: Bench };

/** After so long without one more, what the broker had kept is taken to be all here. */
const quietMs = 400;

export class FleetView {
  readonly #operator: string;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #jobs = new Map<string, JobState>();
  readonly #desired = new Map<string, string>();
  readonly #bench = new Map<string, BenchRecord>();
  readonly #replies = new Map<string, Reply>();
  readonly #logs = new Map<string, Log[]>();
  #fleet: FleetState = initialState;
  #lastMs = 0;

  constructor(operator: string, clock: Clock) {
    this.#operator = operator;
    this.#clock = clock;
  }

  /** In the order of their names. */
  get devices(): readonly DeviceState[] {
    return [...this.#fleet.devices.values()].sort((a, b) => a.id.localeCompare(b.id));
  }

  get benchRecords(): readonly BenchRecord[] {
    return [...this.#bench.values()];
  }

  device(id: string): DeviceState | undefined {
    return this.#fleet.devices.get(id);
  }

  job(device: string, id: string): JobState | undefined {
    return this.#jobs.get(`${device} ${id}`);
  }

  jobsOf(device: string): readonly JobState[] {
    return [...this.#jobs].flatMap(([key, job]) => (key.startsWith(`${device} `) ? [job] : []));
  }

  /** The signed document that the broker keeps for the device; undefined where there is none. */
  desired(device: string): string | undefined {
    return this.#desired.get(device);
  }

  reply(device: string, id: string): Reply | undefined {
    return this.#replies.get(`${device} ${id}`);
  }

  /** The lines that a job collected, once all parts are here. */
  log(device: string, job: string): readonly string[] | undefined {
    const parts = this.#logs.get(`${device} ${job}`) ?? [];
    if (parts.length === 0 || parts.length < parts[0]!.parts) return undefined;
    return parts.toSorted((a, b) => a.part - b.part).flatMap(({ lines }) => lines);
  }

  /** Calls `listener` after each message. @returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Anything that arrives; what is malformed is counted in the console's state and otherwise without effect. */
  readonly take = ({ topic, payload, retain }: Arrived): void => {
    // Only what was kept: what devices say now never ends.
    if (retain) this.#lastMs = this.#clock.monotonicMs();
    const text = payload.toString('utf8');
    this.#takeOwn(topic, text);
    const received = readReceived(topic, text);
    if (received) this.#fleet = reduce(this.#fleet, received);
    for (const listener of [...this.#listeners]) listener();
  };

  /** Resolves when the broker has said what it keeps; to be called once subscribed. */
  async settled(signal: AbortSignal): Promise<void> {
    this.#lastMs = this.#clock.monotonicMs();
    while (this.#clock.monotonicMs() - this.#lastMs < quietMs) await this.#clock.sleep(50, signal);
  }

  /**
   * Resolves once `look` returns something. Looked at now and after each message.
   * @throws DEVICE_TIMEOUT after `timeoutMs`, saying `what` was awaited; the signal's reason.
   */
  until<T>(
    look: () => T | undefined,
    { timeoutMs, what, hint, signal }: { timeoutMs: number; what: string; hint: () => string; signal: AbortSignal },
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const over = new AbortController();
    const check = () => {
      try {
        const found = look();
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    const late = () =>
      reject(
        new OctetError('DEVICE_TIMEOUT', `expected ${what} within ${Math.round(timeoutMs / 1000)} s, got nothing`, {
          hint: hint(),
        }),
      );
    const end = this.onChange(check);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#clock.sleep(timeoutMs, over.signal).then(late, () => undefined); // found before
    check();
    return promise.finally(() => {
      over.abort();
      end();
      signal.removeEventListener('abort', onAbort);
    });
  }

  #takeOwn(topic: string, text: string): void {
    const answering = readReplyTopic(topic, this.#operator);
    if (answering !== undefined)
      this.#keep(replySchema, text, (reply) => this.#replies.set(`${answering} ${reply.id}`, reply));
    const [, device = '', down] = /^octet\/1\/d\/([^/]+)\/(down)\/desired$/.exec(topic) ?? [];
    if (down !== undefined) {
      if (text === '') this.#desired.delete(device);
      else this.#desired.set(device, text);
    }
    const up = readUpTopic(topic);
    if (up === undefined) return;
    const [name = '', variant = ''] = up.rest;
    const key = `${up.device} ${name}`;
    if (up.kind === 'job' && text === '') this.#jobs.delete(key);
    else if (up.kind === 'job') this.#keep(jobStateSchema, text, (job) => this.#takeJob(key, job));
    if (up.kind === 'bench')
      this.#keep(benchSchema, text, (body) => this.#bench.set(topic, { device: up.device, variant, body }));
    if (up.kind === 'log')
      this.#keep(logSchema, text, (part) => {
        const known = (this.#logs.get(key) ?? []).filter((other) => other.part !== part.part);
        this.#logs.set(key, [...known, part]);
      });
  }

  /** QoS 1 may repeat an older state after a newer one. */
  #takeJob(key: string, job: JobState): void {
    const known = this.#jobs.get(key);
    if (known === undefined || job.seq >= known.seq) this.#jobs.set(key, job);
  }

  #keep<T>(
    schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
    text: string,
    take: (value: T) => void,
  ): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return; // anybody may publish anything; what is malformed is nothing
    }
    const result = schema.safeParse(value);
    if (result.success) take(result.data);
  }
}
