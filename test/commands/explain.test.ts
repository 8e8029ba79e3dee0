import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { type DeploymentState, initialState } from '../../agent/deployment/state.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { choice, float32, model } from '../agent/deployment/machine.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const octet = join(import.meta.dirname, '../../octet');
const explain = (...words: string[]) =>
  spawnSync(octet, ['explain', ...words], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });

it("an agent's data folder tells what runs in each slot, who asked for it and what is gone back to, beside the agent", async (t) => {
  const folder = await temporaryFolder(t);
  const store = openStore(folder);
  t.after(() => store[Symbol.dispose]());
  const order = { kind: 'deploy', target: 'm', digest: model.digest, policy: {}, jobId: 'j7', because: null } as const;
  const state: DeploymentState = {
    ...{ ...initialState, phase: 'succeeded', sinceMs: Date.UTC(2027, 0, 2), order },
    ...{ model, active: choice.runnable, previous: float32, recording: '/data/recordings/main' },
  };
  store.stateTransaction(() => store.slots.put('main', JSON.stringify(state)));
  const { status, stdout } = explain(folder);
  assert.equal(status, 0);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'Slot main',
    '  m 1.0.0 as static-int8 runs: because',
    '  State succeeded since 2027-01-02 00:00:00 UTC',
    '  Asked for by the signed order j7: deploy m',
    '  Model d1 (SHA-256 of its manifest), verified from the pinned root of the repository down',
    '  File static-int8-d1  /static-int8',
    '  Calibrated and judged with /data/recordings/main',
    '  Gone back to if it does not stay well: m 1.0.0 as float32',
  ]);
  assert.equal(JSON.parse(explain(folder, '--json').stdout)[0].slot, 'main');
});

it('a folder that is neither is refused with what was looked for', async (t) => {
  const { status, stderr } = explain(await temporaryFolder(t));
  assert.equal(status, 2);
  assert.match(stderr, /FILE_NOT_FOUND .*expected records named <sha256>\.json/);
});
