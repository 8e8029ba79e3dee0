/**
 * The operator's connection to the broker: reconnects while a command goes on, and subscribes again each time, so that
 * retained states are never missed. Speaks MQTT 5, or 3.1.1 where the broker has nothing newer.
 */
import {
  type Arrived,
  ConnectFailure,
  type Connection,
  type ConnectOptions,
  connectOnce,
  type MqttVersion,
  type PublishOptions,
} from '../../agent/link/connect-once.ts';
import { retryDelays } from '../../agent/link/delays.ts';
import { nextVersion } from '../../agent/link/versions.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';

export type OperatorLinkOptions = {
  readonly target: Pick<ConnectOptions, 'url' | 'clientId' | 'username' | 'password' | 'tls'>;
  readonly filters: readonly string[];
  readonly clock: Clock;
  readonly onMessage: (message: Arrived) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
};

export class OperatorLink implements AsyncDisposable {
  readonly #options: OperatorLinkOptions;
  readonly #closing = new AbortController();
  #connection: Connection;
  #version: MqttVersion;
  readonly #running: Promise<void>;

  /** Connected and subscribed. @throws BROKER_UNREACHABLE with what the broker said, or the signal's reason. */
  static async open(options: OperatorLinkOptions): Promise<OperatorLink> {
    const connection = await connectAny(options, 5);
    await connection.subscribe(options.filters);
    return new OperatorLink(options, connection);
  }

  private constructor(options: OperatorLinkOptions, connection: Connection) {
    this.#options = options;
    this.#connection = connection;
    this.#version = connection.version;
    this.#running = this.#keep();
  }

  /** Resolves when the broker has it. @throws BROKER_UNREACHABLE. */
  async publish(topic: string, payload: string, options: PublishOptions): Promise<void> {
    try {
      await this.#connection.publish(topic, payload, options);
    } catch (cause) {
      throw new OctetError('BROKER_UNREACHABLE', `${topic}: expected the broker to take it, got ${wordsOf(cause)}`, {
        hint: "Check the broker's access rules: an operator writes octet/1/d/+/down/#.",
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#connection.end();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { clock, filters, signal } = this.#options;
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    let delays = retryDelays(Math.random, 5000);
    for (;;) {
      await this.#connection.closed;
      if (stop.aborted) return;
      while (!stop.aborted) {
        await clock.sleep(delays.next().value, stop).catch(() => undefined); // stopping: both loops end
        if (stop.aborted) return;
        try {
          this.#connection = await connectAny({ ...this.#options, signal: stop }, this.#version);
          await this.#connection.subscribe(filters);
          break;
        } catch {
          // Still away: the next attempt follows, and whoever waits has a time-out of its own.
        }
      }
      delays = retryDelays(Math.random, 5000);
      this.#version = this.#connection.version;
    }
  }
}

/** One attempt, and a second one in the other version where the refusal was about that. */
async function connectAny(options: OperatorLinkOptions, version: MqttVersion): Promise<Connection> {
  const { target, onMessage, signal } = options;
  const connect = (with_: MqttVersion) =>
    connectOnce({ ...target, version: with_, isTransient: true, onMessage, signal });
  try {
    return await connect(version);
  } catch (error) {
    if (!(error instanceof ConnectFailure)) throw error;
    const next = nextVersion(version, error);
    if (!next.isFallback) throw unreachable(target.url, error);
    return connect(next.version).catch((cause: unknown) => {
      throw cause instanceof ConnectFailure ? unreachable(target.url, cause) : cause;
    });
  }
}

function unreachable(url: string, failure: ConnectFailure): OctetError {
  // An address may carry a password.
  const { host } = new URL(url);
  const hint = hints[failure.kind];
  return new OctetError('BROKER_UNREACHABLE', `broker ${host}: expected to be let in, got ${failure.message}`, {
    hint,
    cause: failure,
  });
}

const hints = {
  network: 'Check the address and that the broker is up: --broker mqtts://HOST:8883',
  refused: 'Check the name, the password, the certificate: --username, --password-file, --cert, --key',
  'no answer': 'Check that it speaks MQTT there, and whether it wants TLS: mqtts://, --ca, --cert, --key',
} as const satisfies Record<ConnectFailure['kind'], string>;

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
