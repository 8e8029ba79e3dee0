/** One port for all that the demo shows: the console at `/`, the signed repository at `/repository/`, MQTT at `/mqtt`. */
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
  await app.register(fastifyStatic, { root: consoleFolder });
  await app.register(fastifyStatic, { root: repositoryFolder, prefix: '/repository/', decorateReply: false });
  const sockets = new WebSocketServer({ server: app.server, path: '/mqtt', handleProtocols: mqttOnly });
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
