/**
 * An operator at work: gives signed orders through the broker and follows what devices say to them. Everything that
 * `octet fleet` does, without a terminal.
 */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { isSettledState } from '../../agent/jobs/job.ts';
import { verifyOrder } from '../../agent/orders/verify.ts';
import type { JobState, Reply } from '../../agent/protocol/messages.ts';
import {
  type Desired,
  type deployArgsSchema,
  desiredSchema,
  type JobType,
  type OperatorKey,
  type RequestName,
} from '../../agent/protocol/orders.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { desiredJobId } from '../../agent/twin/twin.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import type { FleetView } from './fleet-view.ts';
import type { OperatorPrivateKey } from './operator-keys.ts';
import type { OperatorLink } from './operator-link.ts';
import { signOrder } from './sign.ts';

export type DeployArgs = z.output<typeof deployArgsSchema>;

export type OperatorOptions = {
  readonly key: OperatorPrivateKey;
  /** Whose documents are built upon. */
  readonly known: readonly OperatorKey[];
  readonly link: Pick<OperatorLink, 'publish'>;
  readonly view: FleetView;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** An order on its way. */
export type GivenOrder = {
  readonly id: string;
  /** What the device had refused before it was given. */
  readonly before: ReadonlySet<string>;
};

export type Following = {
  readonly timeoutMs: number;
  readonly onProgress?: (state: JobState | undefined) => void;
};

/** A request is worth nothing after this, seconds. */
const requestSeconds = 30;

export class Operator {
  readonly #options: OperatorOptions;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /**
   * Adds to what is desired of the device that `args.slot` runs `args.target`.
   * @param isFresh builds upon nothing: other slots are then not desired any more.
   * @returns the job that does it. @throws ORDER_CONFLICT when the document that is there is not one of ours.
   */
  async desire(device: string, args: DeployArgs, isFresh = false): Promise<GivenOrder & { readonly version: number }> {
    const { view, key, link, clock } = this.#options;
    const before = this.#refused(device);
    const current = isFresh ? undefined : await this.#current(device);
    const version = Math.max(0, current?.version ?? 0, ...versionsSeen(view, device)) + 1;
    const others = (current?.slots ?? []).filter(({ slot }) => slot !== args.slot);
    const topic = topics.desired(device);
    const jws = await signOrder({ version, slots: [...others, args] }, key, { topic, device, nowMs: clock.wallMs() });
    await link.publish(topic, jws, { qos: 1, retain: true, contentType: 'application/jose' });
    return { id: desiredJobId(version, args.slot), version, before };
  }

  /** Gives a job. @param lifeSeconds a device that hears of it later refuses it. */
  async give(device: string, type: JobType, args: object, lifeSeconds: number): Promise<GivenOrder> {
    const { key, link, clock } = this.#options;
    const before = this.#refused(device);
    const id = `${type}-${randomUUID().slice(0, 8)}`;
    const topic = topics.job(device, id);
    const jws = await signOrder({ jti: id, type, args }, key, { topic, device, nowMs: clock.wallMs(), lifeSeconds });
    const options = { qos: 1, retain: true, contentType: 'application/jose', expirySeconds: lifeSeconds } as const;
    await link.publish(topic, jws, options);
    return { id, before };
  }

  /** Takes a job's order off the broker; its state stays until the device forgets it. */
  async clear(device: string, id: string): Promise<void> {
    await this.#options.link.publish(topics.job(device, id), '', { qos: 1, retain: true });
  }

  /** Resolves with the job's last state. @throws DEVICE_TIMEOUT, ORDER_REJECTED and the like when the device refused it unread. */
  follow(device: string, { id, before }: GivenOrder, { timeoutMs, onProgress }: Following): Promise<JobState> {
    const { view, signal } = this.#options;
    return view.until(
      () => {
        const state = view.job(device, id);
        onProgress?.(state);
        if (state === undefined) this.#throwRefusal(device, topicOfJob(device, id), before);
        return state !== undefined && isSettledState(state.state) ? state : undefined;
      },
      { timeoutMs, signal, what: `the end of ${id}`, hint: () => this.#hintFor(device, view.job(device, id)) },
    );
  }

  /** Asks a device. @throws DEVICE_TIMEOUT. */
  async ask(device: string, name: RequestName, args: object, timeoutMs: number): Promise<Reply> {
    const { key, link, clock, view, signal } = this.#options;
    const before = this.#refused(device);
    const id = randomUUID().slice(0, 13);
    const topic = topics.request(device, name);
    const lifeSeconds = Math.max(requestSeconds, Math.ceil(timeoutMs / 1000));
    const jws = await signOrder({ jti: id, args }, key, {
      topic,
      device,
      nowMs: clock.wallMs(),
      lifeSeconds: Math.min(120, lifeSeconds),
    });
    await link.publish(topic, jws, {
      ...{ qos: 1, retain: false, contentType: 'application/jose', expirySeconds: requestSeconds },
      ...{ responseTopic: topics.reply(key.operator, device), correlationData: Buffer.from(id) },
    });
    return view.until(
      () => {
        const reply = view.reply(device, id);
        if (reply === undefined) this.#throwRefusal(device, topic, before);
        return reply;
      },
      { timeoutMs, signal, what: `an answer of ${device}`, hint: () => this.#hintFor(device, undefined) },
    );
  }

  /** The document that the broker keeps, if one of the known operators signed it. */
  async #current(device: string): Promise<Desired | undefined> {
    const { view, known, clock } = this.#options;
    const jws = view.desired(device);
    if (jws === undefined) return undefined;
    const order = await verifyOrder(Buffer.from(jws), {
      ...{ topic: topics.desired(device), device, schema: desiredSchema, nowMs: clock.wallMs(), isClockRight: true },
      findKey: (kid) => known.find((key) => key.kid === kid),
    });
    if (order.ok === true) return order.claims;
    const reason = order.ok === false ? order.reason : 'expired';
    throw new OctetError(
      'ORDER_CONFLICT',
      `${topics.desired(device)}: expected a document of a known operator, got: ${reason}`,
      {
        hint: "Put that operator's .pub.json beside your key, or begin a new document: --replace",
      },
    );
  }

  /** A device that cannot verify an order says so in `reported`, and nowhere else. */
  #throwRefusal(device: string, topic: string, before: Refused): void {
    const refused = [...this.#refused(device)].findLast(
      (text) => !before.has(text) && JSON.parse(text).topic === topic,
    );
    if (refused === undefined) return;
    const { code, reason } = JSON.parse(refused) as { code: string; reason: string };
    throw new OctetError('ORDER_REJECTED', `${device} refused it: ${code}  ${reason}`, {
      hint: refusalHints[code] ?? `See all of it: octet fleet show ${device}`,
    });
  }

  /** What the device has refused so far, as text, so that what is new can be told without comparing clocks. */
  #refused(device: string): Refused {
    return new Set(
      (this.#options.view.device(device)?.reported?.refused ?? []).map((refused) => JSON.stringify(refused)),
    );
  }

  #hintFor(device: string, state: JobState | undefined): string {
    const known = this.#options.view.device(device);
    if (known?.status === undefined) return 'No such device has ever been heard of: octet fleet ls';
    if (!known.status.online)
      return `${device} is offline. The order stays on the broker until it is back, or expires.`;
    if (state === undefined) return `${device} is online but says nothing to it: octet fleet show ${device}`;
    return `It is ${state.state}${state.detail === '' ? '' : ` (${state.detail})`}; it goes on. Follow it: octet fleet watch ${device}`;
  }
}

/** Also those of documents that are gone: a version that was used once names jobs whose states are still there. */
function versionsSeen(view: FleetView, device: string): number[] {
  const ofJobs = view.jobsOf(device).map(({ job }) => Number(/^desired-(\d+)-/.exec(job)?.[1] ?? 0));
  return [view.device(device)?.reported?.desiredVersion ?? 0, ...ofJobs];
}

type Refused = ReadonlySet<string>;

/** `desired-7-main` came with the document that wants it. */
function topicOfJob(device: string, id: string): string {
  return /^desired-\d+-/.test(id) ? topics.desired(device) : topics.job(device, id);
}

const refusalHints: Readonly<Record<string, string>> = {
  ORDER_KEY_UNKNOWN:
    'Pin your public key on the device (operatorKeys), or let an operator whom it obeys add it: octet fleet operators',
  ORDER_EXPIRED: 'Compare the clocks of this machine and of the device.',
  ORDER_INVALID: 'Compare the clocks and the versions of octet on both sides.',
};
