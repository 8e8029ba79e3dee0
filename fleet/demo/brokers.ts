/**
 * The broker of the demo, in two kinds with one face: an MQTT address for the agent, and a stream for each page that
 * connects over WebSocket. MQTT over WebSocket is MQTT's bytes in binary frames, so for the user's own broker a page's
 * stream is joined to a plain connection: the page talks to that broker itself, and nothing of ours speaks for it.
 */
import { connect as connectTcp, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { Aedes, type Client } from 'aedes';
import { OctetError } from '../../runtime/base/errors.ts';
import { openLink } from '../console/link.ts';
import { demoDeviceId } from './agent-config.ts';
import { listen } from './listening.ts';

export type DemoBroker = AsyncDisposable & {
  /** `mqtt://…` for the agent and the terminal. */
  readonly url: string;
  /** In words: `embedded broker on port 40123`. */
  readonly description: string;
  /** Serves one WebSocket connection. */
  attach(page: Duplex): void;
};

/** An aedes broker on a free TCP port of the loopback interface; it keeps nothing on disk. */
export async function startEmbeddedBroker(): Promise<DemoBroker> {
  const aedes = await Aedes.createBroker();
  const pages = new WeakSet<Client>();
  aedes.authorizePublish = (client, _packet, done) =>
    done(client !== null && pages.has(client) ? new Error('a page only reads') : null);
  const server = createServer((socket) => void aedes.handle(socket));
  const port = await listen(server, 0, '127.0.0.1');
  return {
    url: `mqtt://127.0.0.1:${port}`,
    description: `embedded broker on port ${port}`,
    attach: (page) => void pages.add(aedes.handle(page)),
    async [Symbol.asyncDispose]() {
      server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
}

/** A broker that has not let the demo in by then is not there. */
const answerMs = 5000;

/**
 * The user's own broker.
 * @param timeoutMs it must have let the demo in by then.
 * @throws BROKER_UNREACHABLE when nothing that speaks MQTT lets the demo in there, USAGE when it is not an MQTT address.
 */
export async function useBroker(address: string, timeoutMs = answerMs): Promise<DemoBroker> {
  const url = brokerUrlFrom(address);
  await probe(url, timeoutMs);
  return {
    url: address,
    description: `your broker at ${url.hostname}`,
    attach: (page) => {
      const broker = openBroker(url);
      // Either side may vanish at any moment; pipeline then ends the other one, which is all there is to do.
      pipeline(page, broker, page).catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function brokerUrlFrom(address: string): URL {
  if (URL.canParse(address) && /^mqtts?:$/.test(new URL(address).protocol)) return new URL(address);
  throw new OctetError(
    'USAGE',
    `--broker: expected mqtt://host:port or mqtts://host:port, got ${JSON.stringify(address)}`,
    {
      hint: 'For example: octet demo --broker mqtt://127.0.0.1:1883',
    },
  );
}

/** By MQTT itself: a web server answers on its port too, and a broker may refuse the name and password. */
async function probe(url: URL, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const id = demoDeviceId();
  const close = openLink({ brokerUrl: url.href, device: id, clientId: `${id}-probe-${process.pid}` }, (message) => {
    if (message.kind !== 'link') return;
    if (message.link === 'connected') resolve();
    else reject(unreachable(url, message.problem ?? 'a connection that was closed at once'));
  });
  const timer = setTimeout(() => reject(unreachable(url, `no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    await close();
  }
}

function unreachable({ host }: URL, got: string): OctetError {
  return new OctetError('BROKER_UNREACHABLE', `--broker: expected an MQTT broker at ${host}, got ${got}`, {
    hint: 'Start it (mosquitto -p 1883), give a name and password that it takes (mqtt://name:password@host), or leave --broker out: the demo brings its own.',
  });
}

function openBroker({ protocol, hostname, port }: URL): Duplex {
  const host = hostname.replace(/^\[|\]$/g, '');
  return protocol === 'mqtts:'
    ? connectTls({ host, port: Number(port || 8883), servername: host })
    : connectTcp({ host, port: Number(port || 1883) });
}
