import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashLoop, decideRestart } from '../../../agent/supervision/restart-policy.ts';
import { SlotRunner } from '../../../agent/supervision/slot-runner.ts';
import { type RunnerListener, SupervisedRunner } from '../../../agent/supervision/supervised-runner.ts';
import type { RunnerStart } from '../../../runtime/infer/messages.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeRunners } from '../../support/fake-runner.ts';

const start = (modelPath: string): RunnerStart => ({
  ...{ kind: 'start', modelPath, task: { kind: 'regress' }, sinks: [], threads: 1 },
  pipeline: { channels: [{ name: 'x', unit: '' }], rateHz: 50, window: { samples: 50, stride: 25 } },
  source: { kind: 'command', command: ['sensor'] },
});

function listening() {
  const heard = { processes: 0, crashes: 0, loops: 0 };
  const listener: RunnerListener = {
    onProcess: () => {
      heard.processes += 1;
      return { onEvent: () => undefined };
    },
    onCrash: () => {
      heard.crashes += 1;
    },
    onCrashLoop: () => {
      heard.loops += 1;
    },
  };
  return { heard, listener };
}

describe('decideRestart', () => {
  it('pauses longer after each crash and calls the fifth within a minute a loop', () => {
    const times = [0, 1000, 2000, 3000, 4000];
    const decisions = times.map((_, index) => decideRestart(times.slice(0, index + 1)));
    assert.deepEqual(
      decisions.map(({ kind, afterMs }) => [kind, afterMs]),
      [
        ['restart', 100],
        ['restart', 200],
        ['restart', 400],
        ['restart', 800],
        ['crash loop', 30_000],
      ],
    );
  });

  it('forgets crashes that are more than a minute old', () => {
    const rare = Array.from({ length: 9 }, (_, index) => index * crashLoop.withinMs);
    assert.deepEqual(decideRestart(rare), { kind: 'restart', afterMs: 100 });
  });
});

describe('a supervised runner', () => {
  it('is started again after a crash, as a new process with a listener of its own', async () => {
    const [clock, runners, { heard, listener }] = [new FakeClock(), new FakeRunners(), listening()];
    new SupervisedRunner({ startRunner: runners.startRunner, clock, start: start('m'), listener });
    await runners.last.ready();
    await runners.last.crash();
    assert.deepEqual(heard, { processes: 1, crashes: 1, loops: 0 });
    await clock.advance(100);
    assert.deepEqual(heard, { processes: 2, crashes: 1, loops: 0 });
  });

  it('reports a crash loop once it is one, and goes on trying rarely', async () => {
    const [clock, runners, { heard, listener }] = [new FakeClock(), new FakeRunners(), listening()];
    runners.onStart = (runner) => void runner.crash();
    const runner = new SupervisedRunner({ startRunner: runners.startRunner, clock, start: start('m'), listener });
    await clock.advance(5000);
    assert.deepEqual(heard, { processes: 5, crashes: 4, loops: 1 });
    await assert.rejects(runner.ready, { code: 'CHILD_FAILED' });
    await clock.advance(30_000);
    assert.equal(heard.processes, 6);
  });

  it('is not started again after a stop, nor when its source has ended', async () => {
    const [clock, runners, { heard, listener }] = [new FakeClock(), new FakeRunners(), listening()];
    const create = () => new SupervisedRunner({ startRunner: runners.startRunner, clock, start: start('m'), listener });
    const stopped = create();
    await stopped.stop();
    create();
    await runners.last.emit({ kind: 'ended' });
    await runners.last.stop();
    await clock.advance(60_000);
    assert.deepEqual(heard, { processes: 2, crashes: 0, loops: 0 });
  });
});

describe('a slot', () => {
  it('keeps the old runner until the new one has loaded its model', async () => {
    const [clock, runners, { listener }] = [new FakeClock(), new FakeRunners(), listening()];
    const slot = new SlotRunner({ startRunner: runners.startRunner, clock });
    await slot.run(start('old'), listener);
    await runners.last.ready();
    const switched = slot.run(start('new'), listener);
    await settle();
    assert.deepEqual(
      runners.alive.map(({ start: { modelPath } }) => modelPath),
      ['old', 'new'],
    );
    await runners.last.ready();
    await switched;
    assert.deepEqual(
      runners.alive.map(({ start: { modelPath } }) => modelPath),
      ['new'],
    );
    assert.equal(slot.pid, runners.last.pid);
  });

  it('keeps the old runner when the new one does not come up', async () => {
    const [clock, runners, { listener }] = [new FakeClock(), new FakeRunners(), listening()];
    const slot = new SlotRunner({ startRunner: runners.startRunner, clock });
    await slot.run(start('old'), listener);
    await runners.last.ready();
    runners.onStart = (runner) => void runner.crash();
    const switched = assert.rejects(slot.run(start('new'), listener), { code: 'CHILD_FAILED' });
    await clock.advance(5000);
    await switched;
    assert.deepEqual(
      runners.alive.map(({ start: { modelPath } }) => modelPath),
      ['old'],
    );
  });

  it('gives up on a runner that never says it is ready', async () => {
    const [clock, runners, { listener }] = [new FakeClock(), new FakeRunners(), listening()];
    const slot = new SlotRunner({ startRunner: runners.startRunner, clock });
    await slot.run(start('old'), listener);
    const switched = assert.rejects(slot.run(start('silent'), listener), { code: 'CHILD_TIMEOUT' });
    await clock.advance(120_000);
    await switched;
    assert.deepEqual(
      runners.alive.map(({ start: { modelPath } }) => modelPath),
      ['old'],
    );
  });
});
