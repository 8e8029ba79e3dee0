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
import { createGpioSink } from '../../../../runtime/infer/sinks/gpio-sink.ts';
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

describe('pipe sink', () => {
  it('gives one program all decisions for its labels, and lets it end by itself', async (context) => {
    const path = join(await temporaryFolder(context), 'taken');
    const { sink, problems } = open({
      kind: 'pipe',
      command: ['sh', '-c', `cat >> ${path}; echo end >> ${path}`],
      labels: ['walk'],
    });
    await waitUntil('the program was started', () => existsSync(path));
    for (let seq = 0; seq < 300; seq++) sink.write(decision(seq, seq % 3 === 0 ? 'run' : 'walk'));
    await sink.close();
    const lines = linesOf(await readFile(path, 'utf8'));
    assert.equal(lines.pop(), 'end');
    assert.equal(lines.length, 200);
    assert.deepEqual(problems, []);
  });

  it('starts it again when it ends, and counts what was lost meanwhile', async (context) => {
    const path = join(await temporaryFolder(context), 'taken');
    const { sink, problems } = open({ kind: 'pipe', command: ['sh', '-c', `head -n 1 >> ${path}`] });
    let seq = 0;
    await waitUntil('a second program took a decision', async () => {
      sink.write(decision(seq++));
      return existsSync(path) && linesOf(await readFile(path, 'utf8')).length >= 2;
    });
    await sink.close();
    assert.ok(problems.some(({ code, message }) => code === 'SINK_FAILED' && /got exit code 0/.test(message)));
  });
});

describe('gpio sink', () => {
  const spec = { kind: 'gpio', chip: 'gpiochip0', line: 17, labels: ['walk'], holdMs: 250 } as const;

  /** A gpioset that writes down how it was called, and holds the line for a moment. */
  async function fakeTool(folder: string, version: string): Promise<{ tool: string; calls: string }> {
    const [tool, calls] = [join(folder, 'gpioset'), join(folder, 'calls')];
    const script = `#!/bin/sh\n[ "$1" = --version ] && { echo "${version}"; exit 0; }\necho "$@" >> ${calls}\nsleep 0.2\n`;
    await writeFile(tool, script, { mode: 0o755 });
    return { tool, calls };
  }

  for (const [version, words] of [
    ['gpioset (libgpiod) v1.6.3', '--mode=time --usec=250000 gpiochip0 17=1'],
    ['gpioset (libgpiod) v2.2.1', '--toggle 250ms,0 --chip gpiochip0 17=1'],
  ] as const)
    it(`speaks to ${version}, once while the line is held`, async (context) => {
      const { tool, calls } = await fakeTool(await temporaryFolder(context), version);
      const problems: OctetError[] = [];
      const sink = createGpioSink(spec, (error) => void problems.push(error), tool);
      for (const label of ['run', 'walk', 'walk', 'walk']) sink.write(decision(0, label));
      await sink.close();
      assert.deepEqual([linesOf(await readFile(calls, 'utf8')), problems], [[words], []]);
    });

  it('says what gpioset said, and what to do', async (context) => {
    const folder = await temporaryFolder(context);
    const tool = join(folder, 'gpioset');
    await writeFile(
      tool,
      '#!/bin/sh\necho "gpioset: error setting the GPIO line values: Permission denied" >&2; exit 1\n',
      { mode: 0o755 },
    );
    const problems: OctetError[] = [];
    const sink = createGpioSink(spec, (error) => void problems.push(error), tool);
    sink.write(decision(0));
    await sink.close();
    assert.match(problems[0]!.message, /gpiochip0 line 17.*Permission denied/);
    assert.match(problems[0]!.hint!, /gpiod/);
  });
});
