/** Evidence put to use on a real model: a short confirmation, a contradiction with the whole search after it, and a repetition. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import { type Evidence, readEvidence } from '../../../runtime/select/evidence.ts';
import { compareRuns, repeatRequest } from '../../../runtime/select/repeat.ts';
import { runSelection, type SelectionOptions } from '../../../runtime/select/run-selection.ts';
import type { SelectionRequest } from '../../../runtime/select/selection.ts';

describe('evidence', () => {
  let workFolder: string;
  let request: SelectionRequest;
  let first: Evidence;
  const select = async (options: SelectionOptions = {}) =>
    readEvidence((await runSelection(request, options)).evidencePath);

  before(async () => {
    workFolder = await mkdtemp(join(tmpdir(), 'octet-again-'));
    const folder = bundledFolder('watch-exercise');
    const { modelPath, featuresPath, pipeline, task } = await readManifest(folder);
    const recordings = (await readdir(join(folder, 'recordings'))).slice(0, 16);
    request = {
      ...{ modelPath, pipeline, task, workFolder, threads: 1, objective: 'latency', timeMs: 29_000 },
      ...(featuresPath === undefined ? {} : { featuresPath }),
      // Few windows: what a loss may be is no matter here.
      budget: { maxDrop: 0.2, maxDisagreement: 0.2 },
      data: recordings.map((name) => join(folder, 'recordings', name)),
    };
    first = await select();
    assert.notEqual(first.chosen, 'float32', first.verdict);
  });
  after(() => rm(workFolder, { recursive: true }));

  /** The record as another device might have written it: its answer against float32, at this gain. */
  function reference(low: number, high: number): Evidence {
    const trials = first.trials.filter(({ name }, at) => at === 0 || name === first.chosen);
    const claim = { value: (low + high) / 2, low, high };
    return {
      ...first,
      trials: trials.map((trial) => (trial.paired ? { ...trial, paired: { ...trial.paired, speedup: claim } } : trial)),
    };
  }

  it('that holds here is confirmed with its answer alone', async () => {
    const { search, trials, chosen } = await select({ reference: reference(0.1, 100) });
    assert.equal(search.mode, 'confirmation');
    assert.equal(search.reference?.chosenSha256, first.chosenSha256);
    assert.equal(chosen, first.chosen);
    assert.equal(trials.length, 2);
  });

  it('that does not hold is contradicted, and the whole search follows', async () => {
    const { search, trials } = await select({ reference: reference(900, 1100) });
    assert.equal(search.mode, 'contradicted');
    assert.match(search.note, /does not hold here: .* The whole search was made/);
    assert.ok(trials.length >= first.trials.length);
  });

  it('of another model is not used, which is said', async () => {
    const other = { ...first, model: { ...first.model, sha256: '0'.repeat(64) } };
    const { search } = await select({ reference: other });
    assert.equal(search.mode, 'full');
    assert.match(search.note, /was not used: it is of another model/);
  });

  it('can be run again: the same contenders from the same bytes', async () => {
    const again = await repeatRequest(first, { workFolder });
    const now = await readEvidence((await runSelection(again, { repeat: first })).evidencePath);
    assert.equal(now.search.mode, 'repeat');
    const { changes, rows } = compareRuns(first, now);
    assert.deepEqual(changes, []);
    assert.deepEqual(
      rows.map(({ name }) => name),
      first.trials.map(({ name }) => name),
    );
  });
});
