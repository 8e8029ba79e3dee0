/** Keeps the device connected: one connection after the other, with growing pauses. A broker that is down is normal. */
import type { Clock } from '../../runtime/base/clock.ts';
import type { Logger } from '../../runtime/base/log.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { isDiskFull } from '../store/store-error.ts';
import {
  type Arrived,
  ConnectFailure,
  type Connection,
  type ConnectOptions,
  connectOnce,
  type MqttVersion,
  type PublishOptions,
} from './connect-once.ts';
import { retryDelays } from './delays.ts';
import { type Greeting, Uplink } from './uplink.ts';
import { nextVersion } from './versions.ts';

export type LinkOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly outbox: Outbox;
  /** Where and as whom; the will comes from `session`. */
  readonly target: Pick<ConnectOptions, 'url' | 'clientId' | 'username' | 'password' | 'tls'>;
  readonly subscriptions: readonly string[];
  /** Without these it lives, too: a broker's access rules may not know them. */
  readonly optionalSubscriptions?: readonly string[];
  /** Called once per CONNECT: a new session number, its will, and the retained messages to begin with. */
  readonly session: () => Session;
  readonly onMessage: (message: Arrived) => void;
  /** The broker knows nothing of this device any more: what was retained there may be gone. */
  readonly onForgotten: () => void;
  /** The longest pause between two attempts. */
  readonly maxDelayMs: number;
  /** How a connection is made; tests pass their own. */
  readonly connect?: typeof connectOnce;
};

export type Session = {
  readonly will: Greeting;
  /** Read when the connection stands: status, info, reported. */
  readonly greetings: () => readonly Greeting[];
  /** Said on a clean stop. */
  readonly farewell: () => Greeting;
};

/** What came of one attempt: the version to try next, and how long it was connected (0 when it never was). */
type Attempted = { readonly version: MqttVersion; readonly isFallback: boolean; readonly connectedMs: number };

/** A connection that held so long was a good one: the next pause is short again. */
const steadyMs = 10_000;
/** What a clean stop may take to say goodbye. */
const farewellMs = 1000;

export class Link {
  readonly #options: LinkOptions;
  #open: { connection: Connection; uplink: Uplink; session: Session } | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#open !== undefined;
  }

  /** Connects and reconnects until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, maxDelayMs } = this.#options;
    let version: MqttVersion = 5;
    let delays = retryDelays(random, maxDelayMs);
    while (!signal.aborted) {
      const outcome = await this.#attempt(version, signal);
      if (signal.aborted) return;
      version = outcome.version;
      if (outcome.isFallback) continue;
      // Not the time that an attempt took: one that a silent network swallows takes long, too.
      if (outcome.connectedMs > steadyMs) delays = retryDelays(random, maxDelayMs);
      await clock.sleep(delays.next().value, signal).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Publishes a retained message now if there is a connection; without one, the next greeting will carry it. */
  refresh(greeting: Greeting): void {
    this.#open?.uplink.greet(greeting).catch(() => undefined); // the connection ended: the next one greets with it
  }

  /** Says something that is worthless later: without a connection it is not said at all. */
  say(topic: string, payload: string, options: PublishOptions): void {
    this.#open?.connection.publish(topic, payload, options).catch(() => undefined); // whoever waits for it asks again
  }

  /** New rows are in the outbox. */
  drain(): void {
    this.#open?.uplink.drain();
  }

  /** Says goodbye so that the will stays unsaid, and closes. */
  async close(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const goodbye = async () => {
      await open.uplink.greet(open.session.farewell());
      await open.connection.end();
    };
    const isOver = await Promise.race([
      goodbye().then(
        () => true,
        () => false, // the connection ended first: the broker speaks the will
      ),
      this.#options.clock.sleep(farewellMs).then(() => false),
    ]);
    if (!isOver) open.connection.destroy();
  }

  async #attempt(version: MqttVersion, signal: AbortSignal): Promise<Attempted> {
    const { clock, log, target, onMessage, outbox, connect = connectOnce } = this.#options;
    const session = this.#countSession();
    if (session === undefined) return { version, isFallback: false, connectedMs: 0 };
    try {
      const connection = await connect({ ...target, version, will: session.will, onMessage, signal });
      log.info({ version, sessionPresent: connection.sessionPresent }, 'connected to the broker');
      const sinceMs = clock.monotonicMs();
      await this.#live(connection, session, signal);
      return { version, isFallback: false, connectedMs: clock.monotonicMs() - sinceMs };
    } catch (error) {
      if (signal.aborted) return { version, isFallback: false, connectedMs: 0 };
      const failure = error instanceof ConnectFailure ? error : new ConnectFailure('network', (error as Error).message);
      const next = nextVersion(version, failure);
      log.info({ reason: failure.message, version, next: next.version, waiting: outbox.waiting }, 'no broker');
      return { ...next, connectedMs: 0 };
    }
  }

  /** A session that could not be counted must not be begun: its death could not be told from an older one's. */
  #countSession(): Session | undefined {
    try {
      return this.#options.session();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#options.log.warn({ reason: (error as Error).message }, 'the disk is full: no session can be counted');
      return undefined;
    }
  }

  async #live(connection: Connection, session: Session, signal: AbortSignal): Promise<void> {
    const { outbox, log, subscriptions, optionalSubscriptions = [], onForgotten } = this.#options;
    const uplink = new Uplink(connection, outbox);
    const onAbort = () => connection.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (!connection.sessionPresent) onForgotten();
      await uplink.subscribe(subscriptions);
      for (const filter of optionalSubscriptions)
        connection.subscribe([filter]).catch((error: unknown) => {
          if (!signal.aborted) log.warn({ filter, reason: String(error) }, 'not subscribed');
        });
      // In one go: what changes from here on is refreshed after the greeting, and never overtaken by an older one.
      this.#open = { connection, uplink, session };
      await uplink.open(session.greetings());
      log.info({ reason: await connection.closed }, 'disconnected from the broker');
    } finally {
      this.#open = undefined;
      signal.removeEventListener('abort', onAbort);
      connection.destroy();
      if (!signal.aborted) outbox.rewind();
    }
  }
}
