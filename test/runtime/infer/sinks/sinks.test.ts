import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../../../runtime/base/clock.ts';
import type { OctetError } from '../../../../runtime/base/errors.ts';
import type { Decision, SinkSpec } from '../../../../runtime/infer/messages.ts';
import { createSink } from '../../../../runtime/infer/sinks/create-sink.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { waitUntil } from '../../../support/wait-until.ts';

function decision(seq: number, label = 'walk'): Decision {
  return { tUs: 1, seq, label, score: 0.5, latencyUs: 100 };
}

function open(spec: SinkSpec) {
  const problems: OctetError[] = [];
  return { problems, sink: createSink(spec, (error) => void problems.push(error), systemClock) };
}

const linesOf = (text: string) => text.split('\n').filter(Boolean);
const seqsOf = (text: string) => linesOf(text).map((line) => (JSON.parse(line) as Decision).seq);

/** Listens on `path` and keeps what it reads. */
async function listen(path: string): Promise<{ server: Server; text: () => string; hangUp: () => Promise<void> }> {
  let text = '';
  const server = createServer((socket) => {
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    server.once('hang-up', () => socket.destroy());
  });
  server.listen(path);
  await once(server, 'listening');
  const hangUp = async () => {
    server.emit('hang-up');
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, text: () => text, hangUp };
}

describe('file sink', () => {
  it('appends one line per decision, in order, to what is there', async (context) => {
    const path = join(await temporaryFolder(context), 'decisions.jsonl');
    await writeFile(path, `${JSON.stringify(decision(0))}\n`);
    const { sink, problems } = open({ kind: 'file', path });
    for (let seq = 1; seq < 500; seq++) sink.write(decision(seq));
    await sink.close();
    assert.deepEqual(
      seqsOf(await readFile(path, 'utf8')),
      Array.from({ length: 500 }, (_, seq) => seq),
    );
    assert.deepEqual(problems, []);
  });

  it('reports what it could not write, and goes on when it can', async (context) => {
    const folder = join(await temporaryFolder(context), 'later');
    const path = join(folder, 'decisions.jsonl');
    const { sink, problems } = open({ kind: 'file', path });
    sink.write(decision(0));
    await waitUntil('the loss is reported', () => problems.length === 1);
    assert.equal(problems[0]?.code, 'SINK_FAILED');
    await import('node:fs/promises').then(({ mkdir }) => mkdir(folder));
    sink.write(decision(1));
    await sink.close();
    assert.deepEqual(seqsOf(await readFile(path, 'utf8')), [1]);
  });
});

describe('socket sink', () => {
  it('sends lines to whoever listens, and again when the listener comes back', async (context) => {
    const path = join(await temporaryFolder(context), 's.sock');
    const first = await listen(path);
    const { sink, problems } = open({ kind: 'socket', path });
    sink.write(decision(0));
    await waitUntil('the first listener hears', () => seqsOf(first.text()).includes(0));
    await first.hangUp();
    const lost = await waitUntil('a loss is reported', () => {
      sink.write(decision(1));
      return problems[0];
    });
    assert.equal(lost.code, 'SINK_FAILED');
    const second = await listen(path);
    await waitUntil('the second listener hears', () => {
      sink.write(decision(2));
      return seqsOf(second.text()).includes(2);
    });
    await sink.close();
    await second.hangUp();
  });

  it('neither throws nor hangs when nobody ever listens', async (context) => {
    const { sink, problems } = open({ kind: 'socket', path: join(await temporaryFolder(context), 'none.sock') });
    sink.write(decision(0));
    await waitUntil('the loss is reported', () => problems.length > 0);
    await sink.close();
  });
});

describe('command sink', () => {
  const shell = (script: string) => ['/bin/sh', '-c', script];

  it('starts the program for the labels it is told, with the decision on its stdin', async (context) => {
    const path = join(await temporaryFolder(context), 'out');
    const { sink, problems } = open({ kind: 'command', command: shell(`cat >> ${path}`), labels: ['walk'] });
    sink.write(decision(0, 'rest'));
    sink.write(decision(1, 'walk'));
    await sink.close();
    assert.deepEqual(seqsOf(await readFile(path, 'utf8')), [1]);
    assert.deepEqual(problems, []);
  });

  it('reports a program that fails, is missing, or reads nothing', async () => {
    const failing = open({ kind: 'command', command: shell('exit 4') });
    failing.sink.write(decision(0));
    await failing.sink.close();
    assert.match(failing.problems[0]?.message ?? '', /expected exit code 0, got exit code 4/);
    const missing = open({ kind: 'command', command: ['/nonexistent/act'] });
    missing.sink.write(decision(0));
    await missing.sink.close();
    assert.match(missing.problems[0]?.message ?? '', /ENOENT/);
  });

  it('never has more than four programs running, and reports the decisions it leaves out', async (context) => {
    const go = join(await temporaryFolder(context), 'go');
    const { sink, problems } = open({ kind: 'command', command: shell(`while [ ! -e ${go} ]; do sleep 0.05; done`) });
    for (let seq = 0; seq < 7; seq++) sink.write(decision(seq));
    assert.equal(problems.length, 3);
    assert.ok(!existsSync(go));
    await writeFile(go, '');
    await sink.close();
    assert.equal(problems.length, 3);
  });
});
