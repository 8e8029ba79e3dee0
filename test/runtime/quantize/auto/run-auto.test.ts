import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeOptions } from '../../../../runtime/base/children.ts';
import { node } from '../../../../runtime/graph/build.ts';
import { saveModel } from '../../../../runtime/graph/save.ts';
import { runAuto } from '../../../../runtime/quantize/auto/run-auto.ts';
import { fastTypesHere } from '../../../../runtime/quantize/fast-types.ts';
import { writeNpy } from '../npy.ts';
import { conv, modelFrom, noise } from '../small-models.ts';

let folder: string;
let modelPath: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-run-auto-'));
  modelPath = join(folder, 'model.onnx');
  const model = modelFrom([conv('x', 'a'), node('Relu', ['a'], ['r'], {}, 'r'), conv('r', 'y', 'v')], ['n', 3, 8, 8], {
    w: noise([8, 3, 3, 3]),
    v: noise([4, 8, 3, 3], 2),
  });
  await saveModel(model, modelPath);
  await writeNpy(join(folder, 'data', 'x.npy'), noise([24, 3, 8, 8]));
});

after(() => rm(folder, { recursive: true }));

const request = () => ({
  modelPath,
  data: [join(folder, 'data')],
  about: {},
  options: {
    ...fastTypesHere(),
    budget: { maxDrop: 0.01, maxDisagreement: 0.5 },
    threads: 1,
    samples: 16,
    searchMs: 3000,
  },
});

function startProgram(name: string) {
  return () =>
    fork(join(import.meta.dirname, name), {
      ...nodeOptions(),
      serialization: 'advanced',
      stdio: ['ignore', 2, 2, 'ipc'],
    });
}

test('a form that crashes the process is refused by name, and the others are tried all the same', async () => {
  let starts = 0;
  const start = () => {
    starts += 1;
    return startProgram('crashing-search-child.ts')();
  };
  const { tried } = await runAuto(request(), { start });
  assert.equal(starts, 2);
  const crashed = tried.find(({ label }) => label === 'static');
  assert.equal(crashed?.ratio, null);
  assert.match(crashed?.refused ?? '', /crashed on it \(SIGABRT\)/);
  assert.ok(tried.some(({ label, ratio }) => label.startsWith('dynamic') || (label !== 'static' && ratio !== null)));
  assert.equal(new Set(tried.map(({ label }) => label)).size, tried.length);
});

test('a process that never gets as far as a form ends the search with an error that says what to try', async () => {
  await assert.rejects(runAuto(request(), { start: startProgram('absent-program.ts') }), (error: Error) => {
    assert.match(error.message, /exit code 1/);
    assert.match(String((error as { hint?: string }).hint), /--recipe static/);
    return true;
  });
});

test('an interrupt ends the search and its process', async () => {
  const interrupt = new AbortController();
  const start = startProgram('crashing-search-child.ts');
  let child: ReturnType<typeof start> | undefined;
  const running = runAuto(request(), {
    start: () => (child = start()),
    signal: interrupt.signal,
    onProgress: () => interrupt.abort(new Error('enough')),
  });
  await assert.rejects(running, /enough/);
  assert.equal(child?.killed, true);
});
