/** An aedes broker of a test's own, which speaks MQTT 3.1.1 only; ends with the test. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { Aedes } from 'aedes';

/** @returns its address. */
export async function embeddedBroker(t: Pick<TestContext, 'after'>): Promise<string> {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    broker.close();
  });
  const address = server.address();
  return `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}
