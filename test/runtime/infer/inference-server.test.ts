import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { type Infer, inTurns, openInference } from '../../../runtime/infer/inference.ts';
import { type Answer, serveInference } from '../../../runtime/infer/inference-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { pipeline, saveSignModel, startFrom } from './small-runner.ts';

type Client = { readonly socket: Socket; ask(line: string): Promise<Answer> };

/** A server on a socket of its own, and a way to connect to it. */
async function serve(t: TestContext, given?: Infer) {
  const folder = await temporaryFolder(t);
  const infer = given ?? inTurns(await openInference(startFrom(await saveSignModel(folder), {})));
  const path = join(folder, 'infer.sock');
  const server = await serveInference({ path, pipeline, infer, clock: systemClock });
  t.after(() => server.close());
  const client = async (): Promise<Client> => {
    const socket = connect(path);
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const ask = async (line: string) => {
      socket.write(`${line}\n`);
      return JSON.parse((await lines.next()).value as string) as Answer;
    };
    return { socket, ask };
  };
  return { path, client, server };
}

const windowOf = (value: number) => Array.from({ length: 4 }, () => [value, value]);
const requestOf = (id: number | string, value: number) => JSON.stringify({ id, window: windowOf(value) });

describe('other programs', () => {
  it('ask the model and get its decision, each its own', async (t) => {
    const { client } = await serve(t);
    const [a, b] = [await client(), await client()];
    const answers = await Promise.all([a.ask(requestOf(1, 2)), b.ask(requestOf('x', -2))]);
    assert.deepEqual(
      answers.map((answer) => [answer.id, 'label' in answer && answer.label]),
      [
        [1, 'positive'],
        ['x', 'negative'],
      ],
    );
  });

  it('are told what a request should have been, and may ask again', async (t) => {
    const { client } = await serve(t);
    const { ask } = await client();
    const messages: unknown[] = [];
    for (const line of ['hello', '[]', '{"id":7}', '{"id":7,"window":[[1,2],[1,2],[1],[1,2]]}', '{"window":[[1,2]]}']) {
      const answer = await ask(line);
      messages.push('error' in answer && [answer.id, answer.error.code, answer.error.message]);
    }
    assert.deepEqual(messages, [
      [null, 'DATA_INVALID', 'request: expected {"id": …, "window": [[…], …]}, got hello'],
      [null, 'DATA_INVALID', 'request: expected {"id": …, "window": [[…], …]}, got []'],
      [7, 'DATA_INVALID', 'request: expected a window of 4 samples, got 0'],
      [7, 'DATA_INVALID', 'request: expected 2 numbers in each sample, got something else in sample 2'],
      [null, 'DATA_INVALID', 'request: expected a window of 4 samples, got 1'],
    ]);
    assert.ok('label' in (await ask(requestOf(8, 1))));
  });

  it('of the same group may ask, and nobody else', async (t) => {
    const { path } = await serve(t);
    assert.equal((await stat(path)).mode & 0o777, 0o660);
  });

  it('that send a line without end are cut off', async (t) => {
    const { client } = await serve(t);
    const { socket } = await client();
    // Not `once`: it would reject on the reset that comes before.
    const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
    socket.write('x'.repeat(100_000));
    await closed;
  });
});

it('many who ask put at most one request between two windows of the sensor', async (t) => {
  const order: string[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const model: Infer = async (window) => {
    await gate;
    order.push(window[0] === 9 ? 'sensor' : 'guest');
    return { label: 'positive', score: 1 };
  };
  const infer = inTurns(model);
  const { client } = await serve(t, infer);
  const clients = await Promise.all([client(), client(), client()]);
  const asked = clients.map(({ ask }, index) => ask(requestOf(index, 1)));
  // All have been read when an ill-formed fourth request, which waits for nobody, is answered.
  const fourth = await client();
  await fourth.ask('{}');
  const sensor = infer(new Float32Array(8).fill(9));
  release();
  await Promise.all([...asked, sensor]);
  assert.ok(order.indexOf('sensor') <= 1, order.join());
});
