import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readManifest } from '../../../models/manifest.ts';
import { startChild } from '../../../runtime/base/children.ts';
import { openRecordings } from '../../../runtime/data/recording.ts';
import { windowCount } from '../../../runtime/data/window.ts';
import type { Decision, RunnerEvent, RunnerStart } from '../../../runtime/infer/messages.ts';
import { startRunner } from '../../../runtime/infer/runner-handle.ts';
import { isThere } from '../../support/is-there.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { pipeline, recordSign, saveSignModel, startFrom } from './small-runner.ts';

function start(context: TestContext, message: RunnerStart) {
  const events: RunnerEvent[] = [];
  const killing = new AbortController();
  context.after(() => killing.abort());
  const handle = startRunner(message, { onEvent: (event) => void events.push(event), signal: killing.signal });
  const decisions = (): Decision[] => events.flatMap((event) => (event.kind === 'decisions' ? event.decisions : []));
  const has = (kind: RunnerEvent['kind']) => events.some((event) => event.kind === kind);
  return { handle, events, decisions, has };
}

async function prepare(context: TestContext) {
  const folder = await temporaryFolder(context);
  const recordings = join(folder, 'recordings');
  await recordSign(recordings, 'r1', 1001, 1);
  await recordSign(recordings, 'r2', 500, -1);
  const replay = (speed: number, loop = false) => ({ kind: 'replay', recordings: [recordings], speed, loop }) as const;
  return { folder, replay, modelPath: await saveSignModel(folder), windows: 499 + 249 };
}

/** A runner on a shell script that prints nothing; resolves when the script has started. */
async function startSilent(context: TestContext, folder: string, modelPath: string, script: string) {
  const pidFile = join(folder, 'pid');
  const command = ['sh', '-c', `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; ${script}`];
  const handle = startChild('runner');
  context.after(() => handle.kill('SIGKILL'));
  handle.send(startFrom(modelPath, { source: { kind: 'command', command } }));
  await waitUntil('the source has started', () => existsSync(pidFile));
  const pid = Number(await readFile(pidFile, 'utf8'));
  context.after(() => isThere(-pid) && process.kill(-pid, 'SIGKILL'));
  return { handle, pid };
}

describe('runner process', () => {
  it('that is killed leaves no silent program of its sensor behind: whoever started it ends that', async (context) => {
    const { folder, modelPath } = await prepare(context);
    const pidFile = join(folder, 'pid');
    // Neither reads its stdin nor prints: nothing else would tell it.
    const command = ['sh', '-c', `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; sleep 600 | sleep 600`];
    const { handle } = start(context, startFrom(modelPath, { source: { kind: 'command', command } }));
    await waitUntil('the source has started', () => existsSync(pidFile));
    const pid = Number(await readFile(pidFile, 'utf8'));
    context.after(() => isThere(-pid) && process.kill(-pid, 'SIGKILL'));
    process.kill(handle.pid!, 'SIGKILL');
    await handle.exited;
    await waitUntil('its program to end', () => !isThere(-pid));
  });

  it('replays at full speed, deciding every window exactly once and in order, then ends', async (context) => {
    const { replay, modelPath, windows } = await prepare(context);
    const { handle, events, decisions } = start(context, startFrom(modelPath, { source: replay(0) }));
    assert.deepEqual(await handle.exited, { code: 0, signal: null });
    assert.deepEqual(
      decisions().map(({ seq }) => seq),
      Array.from({ length: windows }, (_, seq) => seq),
    );
    assert.ok(decisions().every(({ label, truth }) => label === truth));
    assert.equal(decisions().filter(({ label }) => label === 'positive').length, 499);
    assert.deepEqual([events[0]?.kind, events.at(-1)?.kind], ['ready', 'ended']);
  });

  it('stops when asked, and has then written and sent all it decided', async (context) => {
    const { folder, replay, modelPath } = await prepare(context);
    const path = join(folder, 'decisions.jsonl');
    const sinks = [{ kind: 'file', path }] as const;
    const { handle, decisions, has } = start(context, startFrom(modelPath, { source: replay(0, true), sinks }));
    await waitUntil('decisions come', () => decisions().length > 0);
    await handle.stop();
    assert.deepEqual(await handle.exited, { code: 0, signal: null });
    const written = (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Decision).seq);
    assert.deepEqual(
      written,
      decisions().map(({ seq }) => seq),
    );
    assert.ok(!has('ended'));
  });

  it('goes on deciding when a sink dies, and says so', async (context) => {
    const { folder, replay, modelPath } = await prepare(context);
    const path = join(folder, 's.sock');
    const server = createServer((socket) => socket.resume().once('data', () => socket.destroy())).listen(path);
    await once(server, 'listening');
    context.after(() => server.close());
    const sinks = [
      { kind: 'socket', path },
      { kind: 'command', command: ['/nonexistent/act'] },
    ] as const;
    const { handle, events, decisions } = start(context, startFrom(modelPath, { source: replay(1, true), sinks }));
    await waitUntil('the dead sinks are reported', () => events.filter(({ kind }) => kind === 'problem').length >= 2);
    server.close();
    const before = decisions().length;
    await waitUntil('decisions go on', () => decisions().length >= before + 10);
    await handle.stop();
    const problems = events.flatMap((event) => (event.kind === 'problem' ? [event.error.code] : []));
    assert.deepEqual(new Set(problems), new Set(['SINK_FAILED']));
    assert.deepEqual(
      decisions().map(({ seq }) => seq),
      Array.from(decisions(), (_, seq) => seq),
    );
  });

  it('leaves readable recordings when it is killed while recording, at most the last second short', async (context) => {
    const { folder, replay, modelPath } = await prepare(context);
    const recorded = join(folder, 'recorded');
    const record = { folder: recorded, maxBytes: 1 << 20 };
    const { handle, events } = start(context, startFrom(modelPath, { source: replay(20, true), record }));
    const windowsTold = () => events.findLast((event) => event.kind === 'recorded')?.windows ?? 0;
    await waitUntil('it has recorded over a discontinuity', () => windowsTold() > 900);
    const told = windowsTold();
    process.kill(handle.pid as number, 'SIGKILL');
    assert.deepEqual(await handle.exited, { code: null, signal: 'SIGKILL' });
    const recordings = await openRecordings(recorded);
    assert.ok(recordings.length >= 2);
    for (const recording of recordings) {
      const rows = await recording.read(0, recording.sampleCount);
      assert.ok(rows.every((value) => value === rows[0] && Math.abs(value) === 1));
      assert.equal(recording.info.spans[0]?.label, rows[0] === 1 ? 'positive' : 'negative');
    }
    const windows = recordings.reduce((sum, { sampleCount }) => sum + windowCount(sampleCount, pipeline.window), 0);
    assert.ok(windows >= told, `expected at least the ${told} windows it told of, got ${windows}`);
  });

  it('goes on deciding when its recording folder goes away', async (context) => {
    const { folder, replay, modelPath, windows } = await prepare(context);
    const record = { folder: join(folder, 'sign.onnx', 'recorded'), maxBytes: 1 << 20 };
    const { handle, decisions, has } = start(context, startFrom(modelPath, { source: replay(0), record }));
    await handle.exited;
    assert.ok(has('problem'));
    assert.equal(decisions().length, windows);
  });

  it('takes a silent source that reads its stdin with it when it is killed', async (context) => {
    const { folder, modelPath } = await prepare(context);
    const { handle, pid } = await startSilent(context, folder, modelPath, 'exec cat');
    handle.kill('SIGKILL');
    await waitUntil('the source has ended', () => !isThere(pid));
  });

  it('takes any source with it when its parent is gone', async (context) => {
    const { folder, modelPath } = await prepare(context);
    const { handle, pid } = await startSilent(context, folder, modelPath, "trap '' TERM; sleep 1000; sleep 1000");
    handle.disconnect();
    await waitUntil('the source has ended', () => !isThere(pid));
  });

  it('fails with the error’s code when the model is missing, broken, or not for this task', async (context) => {
    const { folder, replay, modelPath } = await prepare(context);
    const failureOf = async (message: RunnerStart) => (await start(context, message).handle.exited).error;
    const source = replay(0);
    assert.equal((await failureOf(startFrom(join(folder, 'none.onnx'), { source })))?.code, 'FILE_NOT_FOUND');
    const labels = ['a', 'b', 'c'];
    const wrongTask = await failureOf(startFrom(modelPath, { source, task: { kind: 'classify', labels } }));
    assert.deepEqual([wrongTask?.code, /3 numbers/.test(wrongTask?.message ?? '')], ['DATA_MISMATCH', true]);
    await rm(join(folder, 'recordings'), { recursive: true });
    assert.equal((await failureOf(startFrom(modelPath, { source })))?.code, 'FILE_NOT_FOUND');
  });

  it('recognises the exercises of the bundled recordings', async (context) => {
    const folder = join(import.meta.dirname, '../../../models/bundled/watch-exercise');
    const { modelPath, featuresPath, pipeline: bundled, task } = await readManifest(folder);
    assert.ok(featuresPath !== undefined && existsSync(featuresPath));
    const source = { kind: 'replay', recordings: [join(folder, 'recordings')], speed: 0, loop: false } as const;
    const message = startFrom(modelPath, { featuresPath, pipeline: bundled, task, source });
    const { handle, decisions } = start(context, message);
    assert.equal((await handle.exited).code, 0);
    const counts = (await openRecordings(join(folder, 'recordings'))).map(({ sampleCount }) =>
      windowCount(sampleCount, bundled.window),
    );
    assert.equal(
      decisions().length,
      counts.reduce((sum, count) => sum + count, 0),
    );
    const correct = decisions().filter(({ label, truth }) => label === truth).length;
    // Training people included; the honest figure, on people never seen, is in the manifest.
    assert.ok(correct / decisions().length > 0.9, `${correct} of ${decisions().length} correct`);
  });
});
