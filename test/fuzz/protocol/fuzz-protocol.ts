/**
 * Delivers fuzzed messages to the agent's intake and to the operator's view. What must not happen: an exception, a change of
 * what the device has stored, an order given to a slot, an answer.
 */
import type { TestContext } from 'node:test';
import { FleetView } from '../../../fleet/operator/fleet-view.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { orderDesk } from '../../support/order-desk.ts';
import { alice, caseFrom } from './cases.ts';

export type FuzzOutcome = {
  /** Code → how often an order was refused with it. */
  readonly refused: ReadonlyMap<string, number>;
  readonly broken: readonly string[];
};

/** The intake refuses unread what comes faster than it reads: below that. */
const atOnce = 200;

export async function fuzzProtocol(
  t: Pick<TestContext, 'after'>,
  { from, to, onCount }: { from: number; to: number; onCount?: (count: number) => void },
): Promise<FuzzOutcome> {
  const clock = new FakeClock(Date.UTC(2026, 5, 1));
  const desk = await orderDesk(t, { keys: [alice], clock });
  const view = new FleetView('alice', clock);
  const before = storedIn(desk.store);
  const broken: string[] = [];
  for (let seed = from; seed < to; seed += atOnce) {
    const cases = await Promise.all(
      Array.from({ length: Math.min(atOnce, to - seed) }, (_, at) => caseFrom(seed + at)),
    );
    cases.forEach((arrived, at) => {
      const message = { ...arrived, payload: Buffer.from(arrived.payload), retain: false };
      try {
        desk.desk.take(message);
        view.take(message);
      } catch (error) {
        broken.push(`seed ${seed + at}: ${String(error)}`);
      }
    });
    await desk.desk.idle;
    const changes = [storedIn(desk.store) !== before, desk.slot.given.length, desk.replies.length, desk.shown.length];
    if (changes.some(Boolean) || desk.counts.broken.length > 0)
      broken.push(`seeds ${seed} to ${seed + atOnce}: ${JSON.stringify(changes)} ${String(desk.counts.broken[0])}`);
    if (broken.length > 10) break;
    onCount?.(seed + cases.length - from);
  }
  return { refused: desk.desk.refusedCounts, broken };
}

/** Everything that an order could change, as text. Events about refusals are counted apart: at most one a minute and code. */
function storedIn({ documents, jobs, meta, slots }: Awaited<ReturnType<typeof orderDesk>>['store']): string {
  const names = ['desired', 'operator-keys'] as const;
  return JSON.stringify([
    names.map((name) => documents.get(name)),
    jobs.latest(10),
    meta.get('jobs-forgotten-until'),
    slots.get('main'),
  ]);
}
