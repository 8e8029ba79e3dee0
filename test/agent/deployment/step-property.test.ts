import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DeploymentEvent, Effect } from '../../../agent/deployment/events.ts';
import { type DeploymentState, initialState, isSettled } from '../../../agent/deployment/state.ts';
import { step } from '../../../agent/deployment/step.ts';
import type { SlotOrder } from '../../../agent/orders/order.ts';
import { choice, error, float32, int8, int8Newer, model, newer, runnable, started, verified } from './machine.ts';

const cooler = runnable('cooler');
const orders: readonly SlotOrder[] = [
  { kind: 'deploy', slot: 'main', target: 'm', digest: newer.digest, jobId: 'j1', deadlineMs: 1000 },
  { kind: 'deploy', slot: 'main', target: 'm', digest: model.digest, jobId: 'j5' },
  { kind: 'deploy', slot: 'main', target: 'm', digest: model.digest, policy: { allowDowngrade: true }, jobId: 'j2' },
  { kind: 'recalibrate', slot: 'main', jobId: 'j3' },
  { kind: 'rollback', slot: 'main', jobId: 'j4' },
];

const anyEvent: fc.Arbitrary<DeploymentEvent> = fc.constantFrom<DeploymentEvent>(
  started,
  { ...started, settings: 'other' },
  { ...started, target: 'another' },
  ...orders.map((order): DeploymentEvent => ({ kind: 'ordered', order })),
  { kind: 'cancelled', jobId: null },
  { kind: 'cancelled', jobId: 'j1' },
  { kind: 'admitted' },
  { kind: 'refused', error },
  { kind: 'clockSet' },
  { kind: 'pulled', model },
  { kind: 'pulled', model: newer },
  { kind: 'pullFailed', error, isTransient: true },
  { kind: 'pullFailed', error, isTransient: false },
  verified(model),
  verified(newer),
  { ...verified(model), known: choice },
  { ...verified(model), recordsLive: true },
  { kind: 'recorded', folder: '/r' },
  { kind: 'trialsBegan' },
  { kind: 'selected', choice: { ...choice, alternatives: [cooler, int8] } },
  { kind: 'selected', choice: { runnable: int8Newer, trials: [] } },
  { kind: 'shadowed', evidence: 'e' },
  { kind: 'activated' },
  { kind: 'healthy' },
  { kind: 'unhealthy', error },
  ...[int8, float32, int8Newer, cooler].flatMap(({ sha256 }): DeploymentEvent[] => [
    { kind: 'crashLoop', sha256, error },
    { kind: 'misbehaved', sha256, error },
    { kind: 'drifted', sha256, evidence: 'e' },
  ]),
  { kind: 'strained', evidence: 'e' },
  { kind: 'relieved', evidence: 'e' },
  { kind: 'overdue' },
  { kind: 'failed', error },
);

/** What an effect comes to, for better or worse; undefined for those that answer nothing. */
function outcomesOf(effect: Effect, of = model): readonly DeploymentEvent[] {
  switch (effect.kind) {
    case 'admit':
      return [{ kind: 'admitted' }, { kind: 'refused', error }];
    case 'awaitClock':
      return [{ kind: 'clockSet' }];
    case 'pull':
      return [
        { kind: 'pulled', model: of },
        { kind: 'pullFailed', error, isTransient: true },
        { kind: 'pullFailed', error, isTransient: false },
      ];
    case 'verify':
      return [verified(effect.model), { ...verified(effect.model), recordsLive: true }, { kind: 'failed', error }];
    case 'run':
      return effect.isRecording
        ? [
            { kind: 'recorded', folder: '/r' },
            { kind: 'failed', error },
          ]
        : [];
    case 'record':
      return [
        { kind: 'recorded', folder: '/r' },
        { kind: 'failed', error },
      ];
    case 'select':
      return [
        { kind: 'selected', choice: { ...choice, runnable: runnable('static-int8', effect.model) } },
        { kind: 'failed', error },
      ];
    case 'shadow':
      return [
        { kind: 'shadowed', evidence: 'e' },
        { kind: 'misbehaved', sha256: effect.runnable.sha256, error },
      ];
    case 'activate':
      return [{ kind: 'activated' }, { kind: 'unhealthy', error }];
    case 'confirm':
      return [{ kind: 'healthy' }, { kind: 'unhealthy', error }];
    default:
      return [];
  }
}

function played(list: readonly DeploymentEvent[], from: DeploymentState = initialState): DeploymentState {
  return list.reduce((state, event, index) => step(state, event, index)[0], from);
}

describe('a deployment, whatever happens in whatever order,', () => {
  it('never stops what runs without running something else, and can always be stored', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (list) => {
        let state = initialState;
        for (const [index, event] of list.entries()) {
          const [next, effects] = step(state, event, index);
          if (state.active) assert.ok(next.active, 'inference never stops');
          if (next.active?.sha256 !== state.active?.sha256)
            assert.ok(
              event.kind === 'activated' || effects.some(({ kind }) => kind === 'run'),
              `what becomes active by ${event.kind} is started`,
            );
          if (next.phase === 'activating' || next.phase === 'shadowing') assert.ok(next.candidate);
          if (isSettled(next)) assert.equal(next.candidate, null, 'nothing is left half done');
          if (!isSettled(next) && index > 0 && next.order) assert.notEqual(next.leftMs, null, 'whatever is begun ends');
          assert.deepEqual(JSON.parse(JSON.stringify(next)), next);
          state = next;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('ends, when each effect has some outcome, and at the latest when its deadline passes', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 60 }), (list, picks) => {
        let [state, effects] = step(played(list), started, 0);
        for (const pick of picks) {
          if (isSettled(state)) break;
          const outcomes = effects.flatMap((effect) =>
            outcomesOf(effect, state.order?.digest === newer.digest ? newer : model),
          );
          assert.ok(outcomes.length > 0, `${state.phase} waits for something that can come`);
          [state, effects] = step(state, outcomes[pick % outcomes.length]!, 1);
        }
        const [last] = step(state, { kind: 'overdue' }, 2);
        assert.ok(isSettled(last));
      }),
      { numRuns: 2000 },
    );
  });

  it('does nothing twice for the same news', () => {
    const repeatable = [
      'started',
      'crashLoop',
      'pullFailed',
      'recorded',
      'pulled',
      'ordered',
      'strained',
      'misbehaved',
    ];
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), anyEvent, (list, event) => {
        fc.pre(!repeatable.includes(event.kind));
        const once = played([...list, event]);
        const [twice, effects] = step(once, event, 0);
        assert.deepEqual([twice.phase, effects.filter(({ kind }) => kind === 'activate')], [once.phase, []]);
      }),
    );
  });
});
