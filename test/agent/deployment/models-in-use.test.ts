import assert from 'node:assert/strict';
import { it } from 'node:test';
import { modelsInUse, validityWarning } from '../../../agent/deployment/models-in-use.ts';
import { type DeploymentState, initialState, type Runnable } from '../../../agent/deployment/state.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const modelOf = (digest: string) => ({ name: 'm', version: '1.0.0', digest, folder: `/models/${digest}` });
const runnable = (digest: string): Runnable => ({
  model: modelOf(digest),
  variant: 'v',
  sha256: 's',
  path: 'p',
  verdict: '',
});

it('what runs, may run again or is on its way stays on the device, in every slot', async (t) => {
  const store = openStore(await temporaryFolder(t));
  t.after(() => store[Symbol.dispose]());
  const door: DeploymentState = {
    ...initialState,
    active: runnable('a'),
    previous: runnable('b'),
    candidate: runnable('c'),
  };
  const main: DeploymentState = {
    ...{ ...initialState, model: modelOf('d'), active: runnable('a') },
    ...{ demotedFrom: runnable('e'), alternatives: [runnable('f')] },
  };
  store.stateTransaction(() => {
    store.slots.put('door', JSON.stringify(door));
    store.slots.put('main', JSON.stringify(main));
  });
  assert.deepEqual(modelsInUse(store).sort(), ['a', 'b', 'c', 'd', 'e', 'f']);
});

it("the end of the repository's signatures is told two weeks before, and after", () => {
  const nowMs = Date.UTC(2027, 0, 1);
  const inDays = (days: number) => validityWarning({ role: 'timestamp', ms: nowMs + days * 86_400_000 }, nowMs);
  assert.equal(validityWarning(null, nowMs), undefined);
  assert.equal(inDays(20), undefined);
  assert.match(inDays(3)!, /timestamp is valid for 3 days, until 2027-01-04/);
  assert.match(inDays(-3)!, /expired on 2026-12-29/);
});
