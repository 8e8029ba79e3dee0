import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
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

  for (const address of ['http://hub', 'hub:1883', 'mqtt//hub', ''])
    it(`is not ${JSON.stringify(address)}`, () => assert.rejects(useBroker(address), { code: 'USAGE' }));
});
