import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { runTrial } from '../../../runtime/measure/trial.ts';

const floor = { kind: 'floor', threads: 1 } as const;

/** What a trial that goes wrong does once it has its request. */
const ways = {
  crash: 'process.abort()',
  killed: 'process.kill(process.pid, "SIGKILL")',
  quit: 'process.exit(7)',
  hang: 'setInterval(() => {}, 1000)',
  'hang after progress': 'process.send({ kind: "progress", fraction: 0.5 }); setInterval(() => {}, 1000)',
} as const;

/** Starts a real process that goes wrong in the given way. */
function misbehaving(way: keyof typeof ways, started: (child: ChildProcess) => void = () => {}) {
  return () => {
    const program = `process.once('message', () => { ${ways[way]} })`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    started(child);
    return child;
  };
}

describe('a trial', () => {
  it('measures the memory of a model of one node in a process of its own', async () => {
    const outcome = await runTrial(floor);
    assert.ok(outcome.ok);
    // Node and ONNX Runtime together: tens of MiB at the very least.
    assert.ok(outcome.result.peakBytes > 40 * 1024 * 1024);
    assert.ok(outcome.before.load1 >= 0);
  });

  it('reports what is wrong with a model instead of throwing', async () => {
    const outcome = await runTrial({
      kind: 'alone',
      modelPath: '/nowhere/model.onnx',
      settings: plainSettings(1),
      throughputMs: 10,
    });
    assert.ok(!outcome.ok);
    assert.equal(outcome.error.code, 'FILE_NOT_FOUND');
  });

  const deaths = [
    ['crash', 'CHILD_FAILED', /a crash in native code \(SIGABRT\)/],
    ['killed', 'CHILD_FAILED', /want of memory/],
    ['quit', 'CHILD_FAILED', /exit code 7 without a result/],
  ] as const;
  for (const [way, code, message] of deaths) {
    it(`that ends by ${way} fails with its reason`, async () => {
      const outcome = await runTrial(floor, { start: misbehaving(way) });
      assert.ok(!outcome.ok);
      assert.equal(outcome.error.code, code);
      assert.match(outcome.error.message, message);
    });
  }

  it('that falls silent is killed', async () => {
    for (const way of ['hang', 'hang after progress'] as const) {
      let child: ChildProcess | undefined;
      const start = misbehaving(way, (started) => {
        child = started;
      });
      const outcome = await runTrial(floor, { start, silenceMs: 700 });
      assert.ok(!outcome.ok);
      assert.equal(outcome.error.code, 'CHILD_TIMEOUT');
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child?.signalCode, 'SIGKILL');
    }
  });

  it('ends with its reason when it is cancelled', async () => {
    const cancel = new AbortController();
    const start = misbehaving('hang after progress');
    const trial = runTrial(floor, {
      start,
      signal: cancel.signal,
      onProgress: () => cancel.abort(new Error('enough')),
    });
    await assert.rejects(trial, /enough/);
  });
});
