import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Clock, systemClock } from '../../../../runtime/base/clock.ts';
import type { RunnerEvent } from '../../../../runtime/infer/messages.ts';
import { createProblems } from '../../../../runtime/infer/problems.ts';
import { openSource } from '../../../../runtime/infer/sources/open-source.ts';
import { isThere } from '../../../support/is-there.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { pipeline } from '../small-runner.ts';

/** Real programs, but nobody waits for their next start. */
const impatientClock: Clock = { ...systemClock, sleep: async () => {} };

const collect = (script: string, most: number) => collectFrom([process.execPath, '-e', script], most);

async function collectFrom(command: readonly string[], most: number) {
  const events: RunnerEvent[] = [];
  const stopping = new AbortController();
  const problems = createProblems(impatientClock, (event) => events.push(event));
  const context = { pipeline, clock: impatientClock, problems, signal: stopping.signal };
  const source = await openSource({ kind: 'command', command }, context);
  const values: number[] = [];
  const starts: number[] = [];
  try {
    for await (const { rows, discontinuity } of source) {
      if (discontinuity) starts.push(values.length / 2);
      values.push(...rows);
      if (values.length >= most * 2) stopping.abort();
    }
  } finally {
    problems.flush();
  }
  return { values, starts, events };
}

/** Prints text and stays. */
const printing = (text: string) => `process.stdout.write(${JSON.stringify(text)}); setInterval(() => {}, 1000)`;

describe('a program as the source', () => {
  it('gives its lines as samples, however they arrive', async () => {
    const script = `process.stdout.write('[1,2]\\n[3,'); setTimeout(() => process.stdout.write('4]\\n'), 30); setInterval(() => {}, 1000)`;
    assert.deepEqual((await collect(script, 2)).values, [1, 2, 3, 4]);
  });

  it('leaves malformed lines out, counts them and shows one', async () => {
    const lines = ['[1,2]', 'hello', '[1]', '[1,2,3]', '[1,"2"]', '[1,null]', '{"a":1}', '', '[3,4]'];
    const { values, events } = await collect(printing(`${lines.join('\n')}\n`), 2);
    assert.deepEqual(values, [1, 2, 3, 4]);
    const said = events.filter((event) => event.kind === 'problem').map(({ count, error }) => [count, error.message]);
    assert.deepEqual(said, [
      [1, 'source: expected a JSON array of 2 numbers per line, got hello'],
      [6, 'source: expected a JSON array of 2 numbers per line, got {"a":1}'],
    ]);
  });

  it('is gone when it was stopped, even when it does not listen to that', { timeout: 20_000 }, async () => {
    const { values } = await collect(
      `process.on('SIGTERM', () => {}); console.log(JSON.stringify([process.pid, 0])); setInterval(() => {}, 1000)`,
      1,
    );
    assert.throws(() => process.kill(values[0] as number, 0), { code: 'ESRCH' });
  });

  it('leaves nothing of a pipeline behind', { timeout: 20_000 }, async () => {
    const script = `trap '' TERM; { echo "[$$, 0]"; sleep 1000; } | cat`;
    const { values } = await collectFrom(['sh', '-c', script], 1);
    await waitUntil('the whole group is gone', () => !isThere(-(values[0] as number)));
  });

  it('is started again when it ends, which is a discontinuity', async () => {
    const { values, starts, events } = await collect(`console.log('[1,2]')`, 3);
    assert.deepEqual(values, [1, 2, 1, 2, 1, 2]);
    assert.deepEqual(starts, [0, 1, 2]);
    assert.match(JSON.stringify(events), /SOURCE_FAILED.*exit code 0/);
  });

  it('is given up when it never gives a sample', async (context) => {
    const mark = join(await temporaryFolder(context), 'starts');
    const script = `require('fs').appendFileSync(${JSON.stringify(mark)}, 'x'); process.exit(3)`;
    await assert.rejects(collect(script, 1), { code: 'SOURCE_FAILED', message: /got exit code 3/ });
    assert.equal((await readFile(mark, 'utf8')).length, 5);
  });

  it('is given up when it does not exist', async () => {
    const context = {
      pipeline,
      clock: impatientClock,
      problems: { reporter: () => () => {} },
      signal: new AbortController().signal,
    };
    const source = await openSource({ kind: 'command', command: ['/nonexistent/sensor'] }, context);
    await assert.rejects(
      async () => {
        for await (const block of source) assert.fail(`got ${block.rows.length} values`);
      },
      { code: 'SOURCE_FAILED', message: /ENOENT/ },
    );
  });
});
