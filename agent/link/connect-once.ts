/**
 * One MQTT connection, from CONNECT to its end; the only importer of MQTT.js. Each connection is a new client that never
 * reconnects: MQTT.js's own queue and replay lose messages when a connection breaks during a replay, so nothing is
 * entrusted to them. What is not acknowledged here stays in the outbox.
 */
import mqtt, { type IClientOptions } from 'mqtt';

/** 5 where the broker speaks it, else 4, which is MQTT 3.1.1. */
export type MqttVersion = 4 | 5;

export type Will = { readonly topic: string; readonly payload: string };

export type ConnectOptions = {
  readonly url: string;
  readonly version: MqttVersion;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Retained, QoS 1; whoever is only a listener leaves none. */
  readonly will?: Will;
  /** The broker forgets this client when the connection ends. @default false */
  readonly isTransient?: boolean;
  readonly onMessage: (message: Arrived) => void;
  readonly signal: AbortSignal;
};

/** A message as it came. */
export type Arrived = {
  readonly topic: string;
  readonly payload: Buffer;
  /** It was kept by the broker, rather than said now. */
  readonly retain: boolean;
  /** MQTT 5 only (§3.3.2.3.5, §3.3.2.3.6). */
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Buffer | undefined;
};

export type PublishOptions = {
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** @default application/json */
  readonly contentType?: string;
  /** MQTT 5 only: the broker drops it then, seconds; where to answer; what the answer repeats; `status` of an answer. */
  readonly expirySeconds?: number;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly status?: number;
};

export type Connection = {
  readonly version: MqttVersion;
  /** The broker still knew this device: its subscriptions and its queue are there. */
  readonly sessionPresent: boolean;
  /** The most unacknowledged messages that the broker takes. */
  readonly receiveMaximum: number;
  /** Resolves on PUBACK (QoS 0: when written). @throws PublishRefused, or an Error when the connection ends first. */
  publish(topic: string, payload: string, options: PublishOptions): Promise<void>;
  /** Resolves on SUBACK, QoS 1. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly closed: Promise<string>;
  /** DISCONNECT, so that the will is not published; then closed. */
  end(): Promise<void>;
  /** Drops the connection without a word. */
  destroy(): void;
};

/** The broker answered PUBACK with a reason of 0x80 or above (MQTT 5 §3.4.2.1). */
export class PublishRefused extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number, message: string) {
    super(message);
    this.reasonCode = reasonCode;
  }
}

/** Why there is no connection: the network, the broker's refusal (with its code), or an end without an answer. */
export class ConnectFailure extends Error {
  readonly kind: 'network' | 'refused' | 'no answer';
  readonly reasonCode: number | undefined;

  constructor(kind: ConnectFailure['kind'], message: string, reasonCode?: number) {
    super(message);
    this.kind = kind;
    this.reasonCode = reasonCode;
  }
}

const secondsPerDay = 86_400;
/** The will waits so long, so that a short break does not look like a death (MQTT 5 only). */
const willDelaySeconds = 15;

/** @throws ConnectFailure, or the signal's reason. */
export function connectOnce(options: ConnectOptions): Promise<Connection> {
  const { signal, version } = options;
  signal.throwIfAborted();
  const client = mqtt.connect(options.url, clientOptions(options));
  client.on('message', (topic, payload, { retain, properties }) => {
    const { responseTopic, correlationData } = properties ?? {};
    options.onMessage({ topic, payload, retain, responseTopic, correlationData });
  });
  let lastError: Error | undefined;
  client.on('error', (error) => {
    lastError = error;
  });
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown) => {
      client.end(true);
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onClose = () => {
      signal.removeEventListener('abort', onAbort);
      // A refused CONNECT is reported after the socket has been torn down.
      setImmediate(() => fail(failureFrom(lastError)));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    client.once('close', onClose);
    client.once('connect', ({ sessionPresent, properties }) => {
      signal.removeEventListener('abort', onAbort);
      client.removeListener('close', onClose);
      const closed = new Promise<string>((ended) => {
        client.once('close', () => ended(lastError?.message ?? 'closed'));
      });
      resolve({
        ...operations(client, closed),
        version,
        closed,
        sessionPresent,
        receiveMaximum: properties?.receiveMaximum ?? 65_535,
      });
    });
  });
}

function clientOptions(options: ConnectOptions): IClientOptions {
  const { version, clientId, username, password, tls, will, isTransient = false } = options;
  return {
    protocolVersion: version,
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...tls,
    clean: isTransient,
    keepalive: 60,
    connectTimeout: 10_000,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    ...(will === undefined ? {} : { will: willFrom(will, version) }),
    // Finite: an abandoned session without end would fill the broker.
    ...(version === 5 && !isTransient ? { properties: { sessionExpiryInterval: secondsPerDay } } : {}),
  };
}

function willFrom({ topic, payload }: Will, version: MqttVersion): NonNullable<IClientOptions['will']> {
  const properties = version === 5 ? { properties: { willDelayInterval: willDelaySeconds } } : {};
  return { topic, payload: Buffer.from(payload), qos: 1, retain: true, ...properties };
}

function publishProperties(options: PublishOptions) {
  const { contentType = 'application/json', expirySeconds, responseTopic, correlationData, status } = options;
  return {
    payloadFormatIndicator: true,
    contentType,
    ...(expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(status === undefined ? {} : { userProperties: { status: String(status) } }),
  };
}

function operations(
  client: mqtt.MqttClient,
  closed: Promise<string>,
): Pick<Connection, 'publish' | 'subscribe' | 'end' | 'destroy'> {
  const unlessClosed = rejectOnClose(closed);
  return {
    publish: async (topic, payload, options) => {
      const { qos, retain } = options;
      const properties = client.options.protocolVersion === 5 ? { properties: publishProperties(options) } : {};
      try {
        await unlessClosed(client.publishAsync(topic, payload, { qos, retain, ...properties }));
      } catch (error) {
        const code = reasonCodeOf(error);
        throw code !== undefined && code >= 0x80 ? new PublishRefused(code, (error as Error).message) : error;
      }
    },
    subscribe: async (filters) => {
      await unlessClosed(client.subscribeAsync([...filters], { qos: 1 }));
    },
    end: async () => {
      client.end(false);
      await closed;
    },
    destroy: () => void client.end(true),
  };
}

/**
 * MQTT.js does not call back for what was in flight when the connection ended, so that is done here. A set rather than a
 * race against `closed`: reactions to a promise that stays pending for weeks would never be freed.
 */
function rejectOnClose(closed: Promise<string>): <T>(work: Promise<T>) => Promise<T> {
  const pending = new Set<(reason: Error) => void>();
  let ended: Error | undefined;
  void closed.then((reason) => {
    ended = new Error(`connection ended: ${reason}`);
    for (const reject of pending) reject(ended);
    pending.clear();
  });
  return (work) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      pending.add(reject);
      work.then(resolve, reject).finally(() => pending.delete(reject));
    });
}

function failureFrom(error: Error | undefined): ConnectFailure {
  const code = reasonCodeOf(error);
  if (code !== undefined) return new ConnectFailure('refused', error?.message ?? 'refused', code);
  // A socket's error carries the system's code; everything else is a broker that hung up, or spoke another version.
  const isNetwork = error !== undefined && 'code' in error;
  return new ConnectFailure(isNetwork ? 'network' : 'no answer', error?.message || 'the broker hung up');
}

function reasonCodeOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}
