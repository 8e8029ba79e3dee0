/** Jobs that a slot's deployment carries out: hands the order over, and follows what is said of it until it has settled. */
import { OctetError } from '../../runtime/base/errors.ts';
import type { OrderProgress, OrderTaker, SlotOrder } from '../orders/order.ts';
import { isSettledState, type JobChange } from './job.ts';
import type { JobContext } from './performer.ts';

type Follow = (progress: OrderProgress) => void;

export class SlotOrders {
  readonly #takers: () => readonly OrderTaker[];
  readonly #followers = new Map<string, Follow>();

  /** @param takers are asked for each time: they are made after this. */
  constructor(takers: () => readonly OrderTaker[]) {
    this.#takers = takers;
  }

  /** A deployment says how far an order has come. */
  note(progress: OrderProgress): void {
    this.#followers.get(progress.jobId)?.(progress);
  }

  /** @throws ORDER_REJECTED when the device has no such slot. */
  taker(slot: string): OrderTaker {
    const takers = this.#takers();
    const found = takers.find((taker) => taker.slot === slot);
    if (found) return found;
    const names = takers.map((taker) => taker.slot).join(', ');
    throw new OctetError('ORDER_REJECTED', `slot: expected one of ${names}, got ${slot}`, {
      hint: "Slots are made in the device's configuration file: a slot has a sensor.",
    });
  }

  /** Resolves with how it ended. A cancelled order ends by itself, too: what ran before runs again by then. */
  perform(order: SlotOrder, { cancelled, stopped, enter, progress }: JobContext): Promise<JobChange> {
    const taker = this.taker(order.slot);
    const { promise, resolve, reject } = Promise.withResolvers<JobChange>();
    const cancel = () => taker.cancel(order.jobId);
    // Nobody waits for an end that only a later start will see.
    const stop = () => reject(stopped.reason);
    cancelled.addEventListener('abort', cancel, { once: true });
    stopped.addEventListener('abort', stop, { once: true });
    this.#followers.set(order.jobId, ({ state, progress: fraction, detail, error }) => {
      if (isSettledState(state)) resolve({ state, detail, error });
      else {
        enter(state, detail);
        progress(fraction, detail);
      }
    });
    taker.give(order);
    if (cancelled.aborted) cancel();
    if (stopped.aborted) stop();
    return promise.finally(() => {
      this.#followers.delete(order.jobId);
      cancelled.removeEventListener('abort', cancel);
      stopped.removeEventListener('abort', stop);
    });
  }
}
