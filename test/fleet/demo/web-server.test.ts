import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import mqtt from 'mqtt';
import { WebSocket } from 'ws';
import { type DemoBroker, startEmbeddedBroker } from '../../../fleet/demo/brokers.ts';
import { isOwnPage, startWebServer, type WebServer } from '../../../fleet/demo/web-server.ts';
import { firstMessage } from './listener.ts';

describe("the demo's web server", () => {
  let folder: string;
  let broker: DemoBroker;
  let web: WebServer;

  const serve = (port: number) =>
    startWebServer({ host: '127.0.0.1', port, consoleFolder: folder, repositoryFolder: folder, broker });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-web-'));
    await writeFile(join(folder, 'index.html'), 'the page');
    broker = await startEmbeddedBroker();
    web = await serve(0);
  });
  after(async () => {
    await web[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('serves the page and the repository', async () => {
    const texts = await Promise.all(
      ['', 'repository/index.html'].map(async (path) => (await fetch(web.url + path)).text()),
    );
    assert.deepEqual(texts, ['the page', 'the page']);
  });

  it('does not serve what is hidden beside the page', async () => {
    await writeFile(join(folder, '.sources.sha256'), 'digest');
    assert.equal((await fetch(`${web.url}.sources.sha256`)).status, 404);
  });

  it('says that a port is taken, and what to do', async () => {
    await assert.rejects(serve(Number(new URL(web.url).port)), { code: 'PORT_IN_USE', hint: /--port 0/ });
  });

  it('carries MQTT over WebSocket', async () => {
    const device = await mqtt.connectAsync(broker.url);
    const message = await firstMessage(`${web.url.replace('http', 'ws')}mqtt`, 'octet/1/#', () =>
      device.publishAsync('octet/1/d/a/up/status', 'hello'),
    );
    assert.deepEqual(message, { topic: 'octet/1/d/a/up/status', payload: 'hello' });
    await device.endAsync(true);
  });

  it('lets a page only read', async () => {
    const page = await mqtt.connectAsync(`${web.url.replace('http', 'ws')}mqtt`, { reconnectPeriod: 0 });
    const closed = new Promise<void>((resolve) => page.once('close', () => resolve()));
    page.publish('octet/1/d/a/up/status', 'forged');
    await closed;
    page.end(true);
  });

  it('refuses a WebSocket from a foreign web site', async () => {
    const socket = new WebSocket(`${web.url.replace('http', 'ws')}mqtt`, 'mqtt', {
      origin: 'https://elsewhere.example',
    });
    const [error] = await once(socket, 'error');
    assert.match(String(error), /401/);
  });
});

describe('a WebSocket request', () => {
  const host = 'localhost:8080';
  for (const [from, headers, loopback, isOwn] of [
    ['the page itself', { host, origin: 'http://localhost:8080' }, true, true],
    ['no browser at all', { host }, true, true],
    ['another site', { host, origin: 'https://elsewhere.example' }, true, false],
    ['another port', { host, origin: 'http://localhost:3000' }, true, false],
    [
      'a foreign name made to point here',
      { host: 'evil.example:8080', origin: 'http://evil.example:8080' },
      true,
      false,
    ],
    ['the page on a network address', { host: 'hub:8080', origin: 'http://hub:8080' }, false, true],
    ['a sandboxed frame', { host, origin: 'null' }, true, false],
  ] as const)
    it(`from ${from} is ${isOwn ? 'let in' : 'refused'}`, () => assert.equal(isOwnPage(headers, loopback), isOwn));
});
