import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { startEmbeddedBroker, useBroker } from '../../../fleet/demo/brokers.ts';
import { listen } from '../../../fleet/demo/listening.ts';
import { startWebServer } from '../../../fleet/demo/web-server.ts';
import { firstMessage } from './listener.ts';

describe("the user's own broker", () => {
  it('is reached by the page through the web server, byte for byte', async () => {
    await using theirs = await startEmbeddedBroker();
    await using broker = await useBroker(theirs.url);
    const folder = import.meta.dirname;
    await using web = await startWebServer({
      host: '127.0.0.1',
      port: 0,
      consoleFolder: folder,
      repositoryFolder: folder,
      broker,
    });
    const device = await mqtt.connectAsync(theirs.url);
    await device.publishAsync('octet/1/d/a/up/info', 'x'.repeat(100_000), { retain: true });
    const { payload } = await firstMessage(`${web.url.replace('http', 'ws')}mqtt`, 'octet/1/#');
    assert.equal(payload.length, 100_000);
    await device.endAsync(true);
  });

  it('that does not answer is an error with a hint', async () => {
    const server = createServer();
    const port = await listen(server, 0, '127.0.0.1');
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(useBroker(`mqtt://127.0.0.1:${port}`), { code: 'BROKER_UNREACHABLE', hint: /mosquitto/ });
  });

  const others: Readonly<Record<string, (socket: Socket) => void>> = {
    'a web server': (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'a program that hangs up': (socket) => void socket.destroy(),
    'a program that says nothing': (socket) => void socket.resume(),
  };
  for (const [name, answer] of Object.entries(others))
    it(`is not ${name}, which is an error rather than a wait`, async (context) => {
      const server = createServer((socket) => answer(socket.on('error', () => undefined)));
      context.after(() => server.close());
      const port = await listen(server, 0, '127.0.0.1');
      await assert.rejects(useBroker(`mqtt://127.0.0.1:${port}`, 500), {
        code: 'BROKER_UNREACHABLE',
        hint: /password/,
      });
    });

  it('that refuses the name and password is an error that says so', async (context) => {
    const aedes = await Aedes.createBroker();
    aedes.authenticate = (_client, _name, _password, done) =>
      done(Object.assign(new Error('no'), { returnCode: 4 as const }), false);
    const server = createServer((socket) => void aedes.handle(socket));
    context.after(() => void aedes.close(() => server.close()));
    const port = await listen(server, 0, '127.0.0.1');
    await assert.rejects(useBroker(`mqtt://a:b@127.0.0.1:${port}`), {
      code: 'BROKER_UNREACHABLE',
      message: /Bad username or password/,
    });
  });

  for (const address of ['http://hub', 'hub:1883', 'mqtt//hub', ''])
    it(`is not ${JSON.stringify(address)}`, () => assert.rejects(useBroker(address), { code: 'USAGE' }));
});
