import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type DeploymentEvent,
  type DeploymentState,
  type Effect,
  initialState,
  type ModelRef,
  type Runnable,
} from '../../../agent/deployment/state.ts';
import { step } from '../../../agent/deployment/step.ts';

const model: ModelRef = { name: 'm', version: '1.0.0', digest: 'd1', folder: '/models/d1' };
const newer: ModelRef = { name: 'm', version: '1.1.0', digest: 'd2', folder: '/models/d2' };
const runnable = (variant: string, of = model): Runnable => ({
  ...{ model: of, variant, sha256: `${variant}-${of.digest}`, path: `/${variant}`, verdict: 'because' },
});
const float32 = runnable('float32');
const int8 = runnable('static-int8');
const choice = { runnable: int8, trials: [] };
const error = { code: 'CHILD_FAILED', message: 'it died' } as const;

const started: DeploymentEvent = { kind: 'started', settings: 's' };
const verified: DeploymentEvent = { kind: 'verified', float32, known: null, recordsLive: false };

function play(events: readonly DeploymentEvent[], from: DeploymentState = initialState) {
  let state = from;
  let effects: readonly Effect[] = [];
  for (const [index, event] of events.entries()) [state, effects] = step(state, event, 100 + index);
  return { state, effects, kinds: effects.map(({ kind }) => kind) };
}

const toConfirming: readonly DeploymentEvent[] = [
  started,
  { kind: 'pulled', model },
  verified,
  { kind: 'recorded', folder: '/recording' },
  { kind: 'trialsBegan' },
  { kind: 'selected', choice },
  { kind: 'activated' },
];
const succeeded = play([...toConfirming, { kind: 'healthy' }]).state;

describe('a deployment', () => {
  it('goes through its states in order, running float32 from the first moment it can', () => {
    const phases = toConfirming.map((_, count) => play(toConfirming.slice(0, count + 1)).state.phase);
    assert.deepEqual(phases, [
      ...['downloading', 'verifying', 'calibrating', 'calibrating', 'measuring', 'activating', 'confirming'],
    ]);
    assert.deepEqual(play(toConfirming.slice(0, 3)).effects, [
      { kind: 'run', runnable: float32, isRecording: false },
      { kind: 'record', runnable: float32 },
    ]);
    assert.equal(succeeded.phase, 'succeeded');
    assert.deepEqual([succeeded.active, succeeded.previous], [int8, float32]);
  });

  it('records the live source with the active runner when there is no source for calibration', () => {
    const { effects } = play([started, { kind: 'pulled', model }, { ...verified, recordsLive: true }]);
    assert.deepEqual(effects, [{ kind: 'run', runnable: float32, isRecording: true }]);
  });

  it('needs no selection when one is known for this model and these settings', () => {
    const { state, kinds } = play([started, { kind: 'pulled', model }, { ...verified, known: choice }]);
    assert.equal(state.phase, 'activating');
    assert.deepEqual(kinds, ['run', 'activate']);
  });

  it('has nothing to activate when float32 is the choice', () => {
    const chosen = { ...choice, runnable: float32 };
    const { state, kinds } = play([...toConfirming.slice(0, 5), { kind: 'selected', choice: chosen }]);
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
    const { state, effects } = play([{ kind: 'started', settings: 'other' }], succeeded);
    assert.equal(state.phase, 'verifying');
    assert.equal(state.recording, null);
    assert.deepEqual(effects[0], { kind: 'run', runnable: int8, isRecording: false });
  });

  it('pulls again after a start when its model was lost or refused, rather than look at the same bytes for ever', () => {
    const lost = play([{ kind: 'modelLost', error }], succeeded).state;
    assert.deepEqual(play([started], lost).effects, [{ kind: 'pull', when: 'now' }]);
    const refused = play([started, { kind: 'pulled', model }, { kind: 'failed', error }]).state;
    assert.equal(refused.phase, 'failed');
    const { state, effects } = play([started], refused);
    assert.deepEqual(effects, [{ kind: 'pull', when: 'now' }]);
    assert.equal(play([{ kind: 'pulled', model }], state).state.phase, 'verifying');
  });

  it('deploys a newer version that the repository offers, and ignores the one it has', () => {
    assert.equal(play([{ kind: 'pulled', model }], succeeded).state, succeeded);
    const { state, kinds } = play([{ kind: 'pulled', model: newer }], succeeded);
    assert.equal(state.phase, 'verifying');
    assert.deepEqual(kinds, ['verify']);
    assert.equal(state.active, int8);
  });

  it('tries again when the repository does not answer, and fails when it must be refused', () => {
    const failure = { code: 'REPOSITORY_UNREACHABLE', message: 'no answer' } as const;
    const again = play([started, { kind: 'pullFailed', error: failure, isTransient: true }]);
    assert.equal(again.state.phase, 'downloading');
    assert.deepEqual(again.effects, [{ kind: 'pull', when: 'again' }]);
    const refused = play([started, { kind: 'pullFailed', error, isTransient: false }]);
    assert.equal(refused.state.phase, 'failed');
  });

  it('goes back one step when the new variant does not stay healthy, and says so', () => {
    const { state, effects } = play([...toConfirming, { kind: 'unhealthy', error }]);
    assert.equal(state.phase, 'rolled_back');
    assert.equal(state.active, float32);
    assert.deepEqual(effects[0], { kind: 'run', runnable: float32, isRecording: false });
    assert.equal(effects[1]?.kind, 'announce');
  });

  it('falls back to what ran before when the active variant loops in crashes long after', () => {
    const { state } = play([{ kind: 'crashLoop', sha256: int8.sha256, error }], succeeded);
    assert.equal(state.phase, 'rolled_back');
    assert.equal(state.active, float32);
    const hopeless = play([{ kind: 'crashLoop', sha256: float32.sha256, error }], state);
    assert.equal(hopeless.state.phase, 'failed');
    assert.equal(hopeless.state.active, float32, 'it is tried again, rarely');
  });

  it('leaves the active one alone when the candidate does not even load', () => {
    const { state, kinds } = play([...toConfirming.slice(0, 6), { kind: 'unhealthy', error }]);
    assert.equal(state.phase, 'failed');
    assert.equal(state.active, float32);
    assert.deepEqual(kinds, ['announce']);
  });

  it('gives up an activation during which the agent ended three times', () => {
    const confirming = play(toConfirming).state;
    const { state } = play([started, started, started], confirming);
    assert.equal(state.phase, 'confirming');
    assert.equal(play([started], state).state.phase, 'rolled_back');
  });

  it('resumes wherever it was interrupted, without recording twice', () => {
    const recorded = play(toConfirming.slice(0, 4)).state;
    const resumed = play([started, verified], recorded);
    assert.deepEqual(resumed.kinds, ['select']);
    for (let count = 0; count <= toConfirming.length; count += 1) {
      const { state, kinds } = play([started], play(toConfirming.slice(0, count)).state);
      assert.notEqual(kinds.length, 0, `${state.phase} goes on`);
      assert.equal(kinds.includes('run'), state.active !== null, `${state.phase} infers at once`);
    }
  });
});

describe('a deployment, whatever happens in whatever order,', () => {
  const events: fc.Arbitrary<DeploymentEvent> = fc.constantFrom<DeploymentEvent>(
    started,
    { kind: 'started', settings: 'other' },
    { kind: 'pulled', model },
    { kind: 'pulled', model: newer },
    { kind: 'pullFailed', error, isTransient: true },
    { kind: 'pullFailed', error, isTransient: false },
    verified,
    { ...verified, known: choice },
    { ...verified, recordsLive: true },
    ...toConfirming.slice(3),
    { kind: 'healthy' },
    { kind: 'unhealthy', error },
    { kind: 'crashLoop', sha256: int8.sha256, error },
    { kind: 'crashLoop', sha256: float32.sha256, error },
    { kind: 'failed', error },
  );

  it('never stops what runs without running something else, and can always be stored', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 40 }), (list) => {
        let state = initialState;
        for (const [index, event] of list.entries()) {
          const [next, effects] = step(state, event, index);
          if (state.active) assert.ok(next.active, 'inference never stops');
          if (next.active?.sha256 !== state.active?.sha256)
            assert.ok(
              event.kind === 'activated' || effects.some((effect) => effect.kind === 'run'),
              'what becomes active is started',
            );
          if (next.phase === 'activating') assert.ok(next.candidate);
          assert.deepEqual(JSON.parse(JSON.stringify(next)), next);
          state = next;
        }
      }),
    );
  });

  it('does nothing twice for the same news', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), events, (list, event) => {
        fc.pre(event.kind !== 'started' && event.kind !== 'crashLoop' && event.kind !== 'pullFailed');
        fc.pre(event.kind !== 'recorded' && event.kind !== 'pulled');
        const once = play([...list, event]).state;
        const [twice, effects] = step(once, event, 0);
        assert.deepEqual([twice.phase, effects.filter(({ kind }) => kind === 'activate')], [once.phase, []]);
      }),
    );
  });
});
