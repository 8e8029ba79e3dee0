import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultDeadlineMs } from '../../../agent/deployment/begin.ts';
import type { DeploymentEvent, Effect } from '../../../agent/deployment/events.ts';
import { type DeploymentState, initialState, isSettled } from '../../../agent/deployment/state.ts';
import { step } from '../../../agent/deployment/step.ts';
import type { SlotOrder } from '../../../agent/orders/order.ts';
import {
  choice,
  deployed,
  error,
  float32,
  int8,
  int8Newer,
  model,
  newer,
  runnable,
  started,
  verified,
} from './machine.ts';

function play(events: readonly DeploymentEvent[], from: DeploymentState = initialState) {
  let state = from;
  let effects: readonly Effect[] = [];
  for (const [index, event] of events.entries()) [state, effects] = step(state, event, 100 + index);
  return { state, effects, kinds: effects.map(({ kind }) => kind) };
}

const ordered = (order: Partial<SlotOrder> = {}): DeploymentEvent => ({
  kind: 'ordered',
  order: { kind: 'deploy', slot: 'main', target: 'm', jobId: 'j0', digest: newer.digest, ...order } as SlotOrder,
});

const { toConfirming, toSucceeded } = deployed(model, choice);
const succeeded = play(toSucceeded).state;
const afterOrder = deployed(newer, { runnable: int8Newer, trials: [] }, ordered({ jobId: 'j1' }));

describe('a deployment', () => {
  it('goes through its states in order, running float32 from the first moment it can', () => {
    const phases = toConfirming.map((_, count) => play(toConfirming.slice(0, count + 1)).state.phase);
    assert.deepEqual(phases, [
      ...['queued', 'accepted', 'downloading', 'verifying', 'calibrating', 'calibrating', 'measuring', 'shadowing'],
      ...['activating', 'confirming'],
    ]);
    assert.deepEqual(play(toConfirming.slice(0, 5)).effects, [
      { kind: 'run', runnable: float32, isRecording: false },
      { kind: 'record', runnable: float32 },
    ]);
    assert.equal(succeeded.phase, 'succeeded');
    assert.deepEqual([succeeded.active, succeeded.previous], [int8, float32]);
  });

  it('records the live source with what is active when there is no source for calibration', () => {
    const { effects } = play([...toConfirming.slice(0, 4), { ...verified(model), recordsLive: true }]);
    assert.deepEqual(effects, [{ kind: 'run', runnable: float32, isRecording: true }]);
  });

  it("records nothing when enough windows of the sensor's life were kept", () => {
    const { state, effects } = play([...toConfirming.slice(0, 4), { ...verified(model), kept: '/kept' }]);
    assert.deepEqual([state.phase, state.recording], ['calibrating', '/kept']);
    assert.deepEqual(effects.at(-1), { kind: 'select', model, recording: '/kept' });
  });

  it('needs no selection when one is known for this model and these settings', () => {
    const { state, kinds } = play([...toConfirming.slice(0, 4), { ...verified(model), known: choice }]);
    assert.equal(state.phase, 'shadowing');
    assert.deepEqual(kinds, ['run', 'shadow']);
  });

  it('has nothing to activate when float32 is the choice and runs already', () => {
    const chosen = { ...choice, runnable: float32 };
    const { state, kinds } = play([...toConfirming.slice(0, 7), { kind: 'selected', choice: chosen }]);
    assert.equal(state.phase, 'confirming');
    assert.deepEqual(kinds, ['publishTrials', 'confirm']);
  });

  it('runs what was active at once after a start, and then only asks for news', () => {
    const { state, effects } = play([started], succeeded);
    assert.equal(state.phase, 'succeeded');
    assert.deepEqual(effects, [
      { kind: 'run', runnable: int8, isRecording: false },
      { kind: 'pull', when: 'later' },
    ]);
  });

  it('selects anew when the settings of the calibration changed, with what was active running on', () => {
    const { state, effects } = play([{ ...started, settings: 'other' }], succeeded);
    assert.equal(state.phase, 'verifying');
    assert.equal(state.recording, null);
    assert.deepEqual(effects[0], { kind: 'run', runnable: int8, isRecording: false });
  });

  it('begins anew after a start when its model was refused, rather than look at the same bytes for ever', () => {
    const refused = play([...toConfirming.slice(0, 4), { kind: 'failed', error }]);
    assert.equal(refused.state.phase, 'failed');
    assert.ok(refused.kinds.includes('pull'), 'it is asked for again');
    const { state, kinds } = play([started], refused.state);
    assert.equal(state.phase, 'queued');
    assert.deepEqual(kinds, ['admit']);
  });

  it('pulls again when the files of its model are gone', () => {
    const { state, kinds } = play([{ kind: 'modelLost', error }], succeeded);
    assert.deepEqual([state.phase, state.active], ['queued', null]);
    assert.deepEqual(kinds, ['admit', 'announce']);
  });

  it('deploys a newer version that the repository offers, and asks again later about the one it has', () => {
    const same = play([{ kind: 'pulled', model }], succeeded);
    assert.equal(same.state, succeeded);
    assert.deepEqual(same.effects, [{ kind: 'pull', when: 'later' }]);
    const { state, kinds } = play([{ kind: 'pulled', model: newer }], succeeded);
    assert.equal(state.phase, 'queued');
    assert.deepEqual(kinds, ['admit']);
    assert.deepEqual(state.active, int8);
  });

  it('tries again when the repository does not answer, and fails when it must be refused', () => {
    const failure = { code: 'REPOSITORY_UNREACHABLE', message: 'no answer' } as const;
    const again = play([...toConfirming.slice(0, 3), { kind: 'pullFailed', error: failure, isTransient: true }]);
    assert.equal(again.state.phase, 'downloading');
    assert.deepEqual(again.effects, [{ kind: 'pull', when: 'again' }]);
    const refused = play([...toConfirming.slice(0, 3), { kind: 'pullFailed', error, isTransient: false }]);
    assert.equal(refused.state.phase, 'failed');
  });

  it('goes back one step when the new variant does not stay healthy, and says so', () => {
    const { state, effects } = play([...toConfirming, { kind: 'unhealthy', error }]);
    assert.equal(state.phase, 'rolled_back');
    assert.deepEqual(state.active, float32);
    assert.deepEqual(effects[0], { kind: 'run', runnable: float32, isRecording: false });
    assert.equal(effects[1]?.kind, 'announce');
  });

  it('falls back to what ran before when the active variant loops in crashes, disagrees or is late long after', () => {
    for (const kind of ['crashLoop', 'misbehaved'] as const) {
      const { state } = play([{ kind, sha256: int8.sha256, error }], succeeded);
      assert.equal(state.phase, 'rolled_back');
      assert.deepEqual(state.active, float32);
    }
    const back = play([{ kind: 'crashLoop', sha256: int8.sha256, error }], succeeded).state;
    const hopeless = play([{ kind: 'crashLoop', sha256: float32.sha256, error }], back);
    assert.equal(hopeless.state.phase, 'failed');
    assert.deepEqual(hopeless.state.active, float32, 'it is tried again, rarely');
  });

  it('drops a candidate that disagrees with float32 in the shadow', () => {
    const shadowing = play(toConfirming.slice(0, 8)).state;
    const { state } = play([{ kind: 'misbehaved', sha256: int8.sha256, error }], shadowing);
    assert.deepEqual([state.phase, state.active, state.candidate], ['failed', float32, null]);
  });

  it('leaves the active one alone when the candidate does not even load', () => {
    const { state, effects } = play([...toConfirming.slice(0, 9), { kind: 'unhealthy', error }]);
    assert.equal(state.phase, 'failed');
    assert.deepEqual(state.active, float32);
    assert.deepEqual(effects[0], { kind: 'run', runnable: float32, isRecording: false });
  });

  it('gives up an activation during which the agent ended three times', () => {
    const confirming = play(toConfirming).state;
    const { state } = play([started, started, started], confirming);
    assert.equal(state.phase, 'confirming');
    assert.equal(play([started], state).state.phase, 'rolled_back');
  });

  it('resumes wherever it was interrupted, without recording twice', () => {
    const recorded = play(toConfirming.slice(0, 6)).state;
    const resumed = play([started, verified(model)], recorded);
    assert.deepEqual(resumed.kinds, ['select']);
    for (let count = 0; count <= toConfirming.length; count += 1) {
      const { state, kinds } = play([started], play(toConfirming.slice(0, count)).state);
      assert.notEqual(kinds.length, 0, `${state.phase} goes on`);
      assert.equal(kinds.includes('run'), state.active !== null, `${state.phase} infers at once`);
    }
  });
});

describe('an order', () => {
  it('is carried out under its job, with a deadline', () => {
    const { state, kinds } = play([ordered({ jobId: 'j1', deadlineMs: 5000 })], succeeded);
    assert.deepEqual([state.phase, state.order?.jobId, state.leftMs], ['queued', 'j1', 5000]);
    assert.deepEqual(kinds, ['admit']);
    assert.equal(play([ordered()], succeeded).state.leftMs, defaultDeadlineMs);
  });

  it('that is given again only says how it stands', () => {
    const [once] = step(succeeded, ordered({ jobId: 'j1' }), 1);
    assert.deepEqual(step(once, ordered({ jobId: 'j1' }), 2), [once, [{ kind: 'report', what: 'current' }]]);
    const done = play(afterOrder.toSucceeded, succeeded).state;
    assert.deepEqual(step(done, ordered({ jobId: 'j1' }), 2)[0], done);
  });

  it('supersedes the one before, which ends as cancelled, also when a power cut comes between', () => {
    const first = play([ordered({ jobId: 'j1' })], succeeded).state;
    const { state, effects } = play([ordered({ jobId: 'j2' })], first);
    assert.deepEqual([state.order?.jobId, state.ended?.jobId, state.ended?.state], ['j2', 'j1', 'cancelled']);
    assert.ok(effects.some((effect) => effect.kind === 'report' && effect.what === 'ended'));
    const resumed = play([started], state);
    assert.ok(resumed.effects.some((effect) => effect.kind === 'report' && effect.what === 'ended'));
  });

  it('can be cancelled in every state: dropped before activation, rolled back after', () => {
    for (let count = 1; count <= afterOrder.toConfirming.length; count += 1) {
      const under = play(afterOrder.toConfirming.slice(0, count), succeeded).state;
      const { state, effects } = play([{ kind: 'cancelled', jobId: 'j1' }], under);
      assert.equal(state.phase, under.phase === 'confirming' ? 'rolled_back' : 'cancelled', under.phase);
      assert.deepEqual(state.active, int8);
      assert.equal(state.error?.code, 'CANCELLED');
      assert.deepEqual(effects[0], { kind: 'run', runnable: int8, isRecording: false });
      const other = play([{ kind: 'cancelled', jobId: 'another' }], under);
      assert.equal(other.state, under, 'not by the name of another job');
    }
  });

  it('times out in every state, with what ran before running', () => {
    for (let count = 1; count <= afterOrder.toConfirming.length; count += 1) {
      const under = play(afterOrder.toConfirming.slice(0, count), succeeded).state;
      const { state } = play([{ kind: 'overdue' }], under);
      assert.deepEqual([state.phase, state.active, state.error?.code], ['timed_out', int8, 'DEADLINE_PASSED']);
    }
  });

  it('is rejected when the repository has another digest, or an older version that nobody allowed', () => {
    const other = play(
      [ordered({ digest: 'd9' } as never), { kind: 'admitted' }, { kind: 'clockSet' }],
      succeeded,
    ).state;
    assert.equal(play([{ kind: 'pulled', model: newer }], other).state.phase, 'rejected');
    const onNewer = play(afterOrder.toSucceeded, succeeded).state;
    const back = (policy = {}) => [ordered({ digest: model.digest, policy } as never), ...toConfirming.slice(1, 4)];
    const refused = play(back(), onNewer).state;
    assert.deepEqual([refused.phase, refused.error?.code], ['rejected', 'ORDER_DOWNGRADE']);
    assert.equal(play(back({ allowDowngrade: true }), onNewer).state.phase, 'verifying');
  });

  it('to go back goes back one step, pinned, or is rejected when there is nothing before', () => {
    const rollback = ordered({ kind: 'rollback' } as never);
    const { state, effects } = play([rollback], play(afterOrder.toSucceeded, succeeded).state);
    assert.deepEqual([state.phase, state.candidate, state.order?.digest], ['activating', int8, model.digest]);
    assert.deepEqual(effects, [{ kind: 'activate', runnable: int8 }]);
    const done = play([{ kind: 'activated' }, { kind: 'healthy' }], state);
    assert.deepEqual([done.state.phase, done.state.active], ['succeeded', int8]);
    assert.ok(!done.kinds.includes('pull'), 'what was left is not pulled again');
    assert.equal(play([rollback], initialState).state.phase, 'rejected');
  });
});

describe('a model that lives', () => {
  const cooler = runnable('static-int8-cool');
  const withCooler = { ...succeeded, alternatives: [cooler, int8] };

  it('is calibrated anew when its inputs have drifted, for nobody asked but the data', () => {
    const drifted: DeploymentEvent = { kind: 'drifted', sha256: int8.sha256, evidence: 'x moved' };
    const { state, kinds } = play([drifted], succeeded);
    assert.deepEqual([state.phase, state.order?.kind, state.generation], ['verifying', 'recalibrate', 1]);
    assert.deepEqual(kinds, ['announce', 'verify']);
    const anew = play([{ ...verified(model), known: choice }], state);
    assert.equal(anew.state.phase, 'calibrating', 'what was selected before does not count');
    const done = play([...toConfirming.slice(5, 10), { kind: 'healthy' }], anew.state);
    assert.equal(done.state.phase, 'succeeded');
    assert.equal(play([{ ...drifted, sha256: 'old' }], succeeded).state, succeeded, 'late news');
  });

  it('gives way to the coolest variant while the board is strained, and comes back', () => {
    const hot = play([{ kind: 'strained', evidence: 'hot' }], withCooler);
    assert.deepEqual([hot.state.active, hot.state.demotedFrom, hot.state.previous], [cooler, int8, float32]);
    assert.deepEqual(hot.kinds, ['run', 'announce']);
    const cool = play([{ kind: 'relieved', evidence: 'cool' }], hot.state);
    assert.deepEqual([cool.state.active, cool.state.demotedFrom], [int8, null]);
    const crashing = play([{ kind: 'crashLoop', sha256: cooler.sha256, error }], hot.state).state;
    assert.deepEqual([crashing.active, crashing.previous], [int8, float32]);
    assert.ok(!crashing.alternatives.includes(cooler), 'it is not tried again');
  });

  it('says so when it is the coolest already', () => {
    const { state, kinds } = play([{ kind: 'strained', evidence: 'hot' }], { ...succeeded, alternatives: [int8] });
    assert.deepEqual(state.active, int8);
    assert.deepEqual(kinds, ['announce']);
  });
});

describe('every settled state', () => {
  it('waits for something: news, an order, drift or heat', () => {
    assert.ok(isSettled(succeeded));
    assert.deepEqual(play([{ kind: 'healthy' }], succeeded).state, succeeded);
  });
});
