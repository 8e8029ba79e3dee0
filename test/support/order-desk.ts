/** The agent's order desk with slots that do what a test says, a store in a temporary folder, and operators who sign. */

import { generateKeyPairSync } from 'node:crypto';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { configSchema } from '../../agent/config.ts';
import type { Shown } from '../../agent/health/assess.ts';
import { LogTail } from '../../agent/jobs/log-tail.ts';
import type { Arrived } from '../../agent/link/connect-once.ts';
import { type DeskOptions, type DeskSlot, OrderDesk } from '../../agent/orders/desk.ts';
import { thumbprintOf } from '../../agent/orders/key-ring.ts';
import type { SlotOrder } from '../../agent/orders/order.ts';
import { Outbox } from '../../agent/outbox/outbox.ts';
import type { Ports } from '../../agent/ports.ts';
import type { JobState, Reply } from '../../agent/protocol/messages.ts';
import { type OperatorKey, operatorKeySchema } from '../../agent/protocol/orders.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { Publications } from '../../agent/publications.ts';
import { openStore, type Store } from '../../agent/store/open-store.ts';
import type { OperatorPrivateKey } from '../../fleet/operator/operator-keys.ts';
import { type Signable, signOrder } from '../../fleet/operator/sign.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const device = 'pump-7';

export function operatorKey(operator: string): OperatorPrivateKey {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x, d, kid: thumbprintOf(x), operator };
}

export function publicKey(key: OperatorPrivateKey): OperatorKey {
  return operatorKeySchema.parse(key);
}

/** A slot that takes orders and says what the test tells it to say. */
export class FakeSlot implements DeskSlot {
  readonly slot = 'main';
  readonly given: SlotOrder[] = [];
  readonly cancelled: (string | undefined)[] = [];
  readonly runnerPid = 4711;
  restarts = 0;
  readonly state: DeskSlot['state'] = { active: null, model: null, recording: null, trials: [] };
  readonly reported: DeskSlot['reported'] = {
    ...{ slot: 'main', state: 'queued', progress: 0, detail: '', since: 0, active: null, trials: [], error: null },
  };
  give(order: SlotOrder): void {
    this.given.push(order);
  }
  cancel(jobId?: string): void {
    this.cancelled.push(jobId);
  }
  async restartRunner(): Promise<void> {
    this.restarts += 1;
  }
}

export type Desk = Awaited<ReturnType<typeof orderDesk>>;

export type DeskSetUp = {
  readonly keys: readonly OperatorPrivateKey[];
  readonly clock?: FakeClock;
  readonly slot?: FakeSlot;
  readonly shown?: readonly Shown[];
  readonly isClockRight?: () => boolean;
  readonly isSupervised?: boolean;
  /** Goes on with what an earlier desk left. */
  readonly store?: Store;
  readonly outbox?: Outbox;
  /** A link to a broker; without one, what is said is kept for the test. */
  readonly wire?: Partial<Pick<DeskOptions, 'say' | 'show' | 'onUrgent' | 'onChange'>>;
};

export async function orderDesk(t: Pick<TestContext, 'after'>, setUp: DeskSetUp) {
  const { keys, clock: given, isClockRight = () => true, isSupervised = false } = setUp;
  const clock = given ?? new FakeClock();
  const store = setUp.store ?? openStore(await temporaryFolder(t));
  const slot = setUp.slot ?? new FakeSlot();
  const config = configSchema.parse({
    ...{ device, dataFolder: '/unused', broker: { url: 'mqtt://unused' } },
    repository: { url: 'http://unused/', rootFile: 'unused' },
    slots: [{ slot: 'main', target: 'm', source: { kind: 'command', command: ['true'] } }],
  });
  const log = pino({ level: 'silent' });
  const ports = {
    ...{ clock, log, random: () => 0, version: '0', bootId: () => 'boot', isSupervised, logTail: new LogTail() },
    readModel: async () => ({}),
    // A measurement that lasts until it is stopped.
    runBench: (_work: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    readSystem: () => ({
      ...{ temperatureC: 40, cpuLoad: 0.1, memoryAvailableBytes: 2 ** 30, pssBytes: () => 1, throttled: null },
    }),
  } as unknown as Ports;
  const limits = { maxBytes: 2 ** 26, maxAgeMs: 3_600_000 };
  const outbox =
    setUp.outbox ?? new Outbox({ store, clock, limits, log, topicOf: (stream) => stream, random: () => 0 });
  const noted: JobState[] = [];
  /** The outbox keeps only the newest state of a job: tests look at all of them. */
  class NotingPublications extends Publications {
    override jobState(state: JobState): void {
      noted.push(state);
      super.jobState(state);
    }
  }
  const publications = new NotingPublications({ config, ports, outbox });
  const shown: JobState[] = [];
  const replies: { topic: string; reply: Reply; correlation: string | undefined }[] = [];
  const counts = { changes: 0, stops: 0, broken: [] as unknown[] };
  const stop = new AbortController();
  const desk = new OrderDesk({
    ...{ config, ports, store, publications, operatorKeys: keys.map(publicKey) },
    slots: () => [slot],
    isClockRight,
    shown: () => setUp.shown ?? [],
    waiting: () => outbox.waiting,
    say: (topic, payload, { correlationData }) =>
      void replies.push({ topic, reply: JSON.parse(payload), correlation: correlationData?.toString() }),
    show: ({ payload }) => void shown.push(JSON.parse(payload)),
    onUrgent: () => undefined,
    onChange: () => {
      counts.changes += 1;
    },
    onBroken: (error) => void counts.broken.push(error),
    stopAgent: () => {
      counts.stops += 1;
    },
    signal: stop.signal,
    ...setUp.wire,
  });
  desk.start();
  if (setUp.store === undefined) t.after(() => store[Symbol.dispose]());
  /** Delivers bytes as the broker would, and waits until they are dealt with. */
  const deliver = async (topic: string, payload: string | Uint8Array, more: Partial<Arrived> = {}) => {
    desk.take({ topic, payload: Buffer.from(payload), retain: false, ...more });
    await desk.idle;
    await settle();
  };
  const sign = (
    claims: Signable,
    topic: string,
    key = keys[0]!,
    more: { lifeSeconds?: number; device?: string } = {},
  ) => signOrder(claims, key, { topic, device, nowMs: clock.wallMs(), ...more });
  return {
    ...{ desk, slot, store, clock, outbox, publications, shown, replies, counts, deliver, sign },
    /** States of a job, in the order in which they were published. */
    states: (job: string): JobState[] => noted.filter((state) => state.job === job),
    codes: () => (desk.reported.refused ?? []).map(({ code }) => code),
    /** Signs and delivers a job. */
    give: async (
      id: string,
      type: Extract<Signable, { type: unknown }>['type'],
      args: object,
      key = keys[0]!,
      lifeSeconds = 3600,
    ) => {
      const topic = topics.job(device, id);
      await deliver(topic, await sign({ jti: id, type, args }, topic, key, { lifeSeconds }));
    },
    desire: async (version: number, slots: readonly object[], key = keys[0]!) => {
      const topic = topics.desired(device);
      await deliver(topic, await sign({ version, slots: slots as never }, topic, key));
    },
    end: async () => {
      await desk[Symbol.asyncDispose]();
    },
  };
}

export const entry = (digit: string) => ({ slot: 'main', target: 'watch', digest: digit.repeat(64) });
