/** One port for all that the demo shows: the console at `/`, the signed repository at `/repository/`, MQTT at `/mqtt`. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { DemoBroker } from './brokers.ts';
import { listenError } from './listening.ts';

export type WebServer = AsyncDisposable & {
  /** `http://127.0.0.1:8080/` */
  readonly url: string;
};

export type WebServerOptions = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly consoleFolder: string;
  readonly repositoryFolder: string;
  readonly broker: Pick<DemoBroker, 'attach'>;
};

/** @throws PORT_IN_USE. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { host, port, consoleFolder, repositoryFolder, broker } = options;
  const app = fastify({ forceCloseConnections: true });
  // Beside the page lies a digest of its sources, which is nobody's business.
  await app.register(fastifyStatic, { root: consoleFolder, dotfiles: 'ignore' });
  await app.register(fastifyStatic, { root: repositoryFolder, prefix: '/repository/', decorateReply: false });
  const sockets = new WebSocketServer({
    server: app.server,
    path: '/mqtt',
    handleProtocols: mqttOnly,
    verifyClient: ({ req }: { req: IncomingMessage }) => isOwnPage(req.headers, isLoopback(host)),
  });
  sockets.on('connection', (socket) => broker.attach(createWebSocketStream(socket)));
  // The same error also reaches listen(), which reports it.
  sockets.on('error', () => undefined);
  const address = await app.listen({ host, port }).catch((error: unknown) => {
    throw listenError(error, port, host);
  });
  return {
    url: `${address}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await app.close();
    },
  };
}

/** [MQTT-6.0.0-3] The client offers the subprotocol `mqtt`, the server chooses it. */
function mqttOnly(offered: ReadonlySet<string>): string | false {
  return offered.has('mqtt') ? 'mqtt' : false;
}

/**
 * Browsers let any web site open a WebSocket to this machine. Ours comes from the address it connects to, which, on the
 * loopback interface, is called nothing but that (a foreign name that was made to point here is refused). No origin: no browser.
 */
export function isOwnPage({ origin, host }: IncomingHttpHeaders, onlyLoopback: boolean): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin) || new URL(origin).host !== host) return false;
  return !onlyLoopback || isLoopback(new URL(origin).hostname);
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(hostname);
}
