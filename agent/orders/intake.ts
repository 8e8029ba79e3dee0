/**
 * Where everything that the broker delivers comes in: taken apart, verified, and handed to the twin, the jobs or the
 * requests, one message after the other. What waits for the clock is kept by topic, the newest of each.
 */
import type { z } from 'zod';
import type { Clock } from '../../runtime/base/clock.ts';
import { errorRecordFrom } from '../../runtime/base/errors.ts';
import type { Logger } from '../../runtime/base/log.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Arrived } from '../link/connect-once.ts';
import { desiredSchema, type JobType, jobSchema, type Request, requestSchema } from '../protocol/orders.ts';
import { type DownTopic, readDownTopic } from '../protocol/topics.ts';
import { isDiskFull } from '../store/store-error.ts';
import type { Twin } from '../twin/twin.ts';
import type { KeyRing } from './key-ring.ts';
import type { Refusals } from './refusals.ts';
import { type OrderRefusal, refusal, type VerifiedOrder, verifyOrder } from './verify.ts';

export type IntakeOptions = {
  readonly device: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: KeyRing;
  readonly twin: Twin;
  readonly jobs: Jobs;
  readonly refusals: Refusals;
  readonly isClockRight: () => boolean;
  /** `isEarly`: whether it has expired cannot be told yet. */
  readonly onRequest: (name: string, claims: Request, arrived: Arrived, isEarly: boolean) => void;
  /** A job waits for the clock. */
  readonly onWaiting: (id: string, type: JobType) => void;
  /** The store is broken: the agent must not go on without it. */
  readonly onBroken: (error: unknown) => void;
};

/** More that wait for verification than this is a flood: the rest is refused unread. Retained orders come again. */
const maxPending = 256;
/** Topics of which a message waits for the clock. */
const maxWaiting = 64;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #waiting = new Map<string, Arrived>();
  #last: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Whatever is wrong with it, this neither throws nor changes anything but the list of refusals. */
  take(arrived: Arrived): void {
    const { device, refusals } = this.#options;
    const { topic, payload } = arrived;
    const down = readDownTopic(topic, device);
    // Empty: an order that was cleared, which is not an order.
    if (down !== undefined && payload.length === 0) return;
    if (down === undefined || this.#pending >= maxPending) {
      const why = down ? `expected at most ${maxPending} orders at once` : 'expected a topic of octet/1';
      refusals.note(topic, refusal(down ? 'ORDER_REJECTED' : 'ORDER_INVALID', why));
      return;
    }
    this.#pending += 1;
    this.#last = this.#last
      .then(() => this.#handle(down, arrived))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  /** Resolves when everything that has been taken so far is dealt with. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /** The clock may be right by now: looks again at what waits for that. */
  recheck(): void {
    if (this.#waiting.size === 0 || !this.#options.isClockRight()) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const arrived of waiting) this.take(arrived);
  }

  async #handle(down: DownTopic, arrived: Arrived): Promise<void> {
    const { refusals, log, onBroken } = this.#options;
    try {
      const refused = await this.#obey(down, arrived);
      if (refused) refusals.note(arrived.topic, refused);
    } catch (error) {
      if (!isDiskFull(error)) onBroken(error);
      // A full disk: nothing has happened, and a retained order comes again with the next connection.
      else log.error({ topic: arrived.topic, error: errorRecordFrom(error) }, 'an order could not be taken');
    }
  }

  async #obey(down: DownTopic, arrived: Arrived): Promise<OrderRefusal | undefined> {
    switch (down.kind) {
      case 'desired': {
        const order = await this.#verify(arrived, desiredSchema);
        return order.ok === true ? this.#options.twin.obey(order) : this.#unless(order, arrived);
      }
      case 'job': {
        const order = await this.#verify(arrived, jobSchema);
        if (order.ok === 'later' && order.claims.jti === down.id) this.#options.onWaiting(down.id, order.claims.type);
        // It lies on a broker that drops nothing by itself: done long ago, and no news.
        if (order.ok === false && order.code === 'ORDER_EXPIRED' && this.#options.jobs.has(down.id)) return undefined;
        return order.ok === true ? this.#takeJob(down.id, order) : this.#unless(order, arrived);
      }
      case 'request': {
        const order = await this.#verify(arrived, requestSchema);
        if (order.ok === false) return order;
        this.#options.onRequest(down.name, order.claims, arrived, order.ok === 'later');
        return undefined;
      }
      default:
        return down satisfies never;
    }
  }

  #verify<S extends z.ZodType<{ iss: string; aud: string; iat: number; exp?: number | undefined }>>(
    { topic, payload }: Arrived,
    schema: S,
  ) {
    const { device, keys, clock, isClockRight } = this.#options;
    return verifyOrder(payload, {
      ...{ topic, device, schema },
      findKey: (kid) => keys.find(kid),
      nowMs: clock.wallMs(),
      isClockRight: isClockRight(),
    });
  }

  #takeJob(id: string, { claims, hash, key }: VerifiedOrder<z.output<typeof jobSchema>>): OrderRefusal | undefined {
    const { jti, exp, type, args } = claims;
    if (jti !== id) return refusal('ORDER_TOPIC', `jti: expected ${id}, as in the topic, got ${jti}`);
    return this.#options.jobs.take({
      ...{ id, hash, expiresS: exp, type, args },
      ...{ operator: key.operator, kid: key.kid },
    });
  }

  #unless(order: OrderRefusal | { ok: 'later' }, arrived: Arrived): OrderRefusal | undefined {
    if (order.ok === false) return order;
    if (this.#waiting.size < maxWaiting || this.#waiting.has(arrived.topic)) this.#waiting.set(arrived.topic, arrived);
    return undefined;
  }
}
