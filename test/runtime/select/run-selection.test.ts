import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readManifest } from '../../../models/manifest.ts';
import { sha256OfFile } from '../../../runtime/base/files.ts';
import { evidenceSchema } from '../../../runtime/select/evidence.ts';
import { runSelection } from '../../../runtime/select/run-selection.ts';
import type { SelectionProgress, SelectionRequest, SelectionResult } from '../../../runtime/select/selection.ts';

const bundled = join(import.meta.dirname, '../../../models/bundled/watch-exercise');

describe('a selection', () => {
  let workFolder: string;
  let request: SelectionRequest;
  let result: SelectionResult;
  const progress: SelectionProgress[] = [];

  before(async () => {
    workFolder = await mkdtemp(join(tmpdir(), 'octet-selection-'));
    const { modelPath, featuresPath, pipeline, task, budget } = await readManifest(bundled);
    const recordings = (await readdir(join(bundled, 'recordings'))).slice(0, 24);
    request = {
      ...{ modelPath, pipeline, task, budget, workFolder },
      ...(featuresPath === undefined ? {} : { featuresPath }),
      data: recordings.map((name) => join(bundled, 'recordings', name)),
      threads: 1,
      objective: 'latency',
      timeMs: 12_000,
    };
    result = await runSelection(request, { onProgress: (step) => progress.push(step) });
  });
  after(() => rm(workFolder, { recursive: true }));

  it('measures float32 and every variant, and chooses exactly one', () => {
    assert.equal(result.rows[0]!.variant, 'float32');
    assert.ok(result.rows.length >= 3);
    assert.equal(result.rows.filter(({ chosen }) => chosen).length, 1);
    for (const row of result.rows.filter(({ fate }) => fate === 'chosen' || fate === 'beaten')) {
      assert.ok(row.p50Us > 0 && row.p50Us <= row.p90Us && row.p90Us <= row.p99Us, JSON.stringify(row));
      assert.ok(row.loadMs > 0 && row.throughputPerSecond > 0 && row.heldOutWindows > 0);
      assert.ok(row.memoryIncrementBytes < row.peakMemoryBytes);
      assert.notEqual(row.reason, '');
    }
  });

  it('names the file of what it chose, whose digest is the row’s', async () => {
    assert.equal(await sha256OfFile(result.chosenPath), result.chosen.sha256);
  });

  it('writes evidence that its schema accepts, with raw blocks and conditions', async () => {
    assert.equal(result.evidencePath, join(workFolder, 'evidence', `${result.chosen.sha256}.json`));
    const evidence = evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath, 'utf8')));
    assert.equal(evidence.model.sha256, await sha256OfFile(request.modelPath));
    assert.equal(evidence.trials.length, result.rows.length);
    assert.match(evidence.environment.onnxRuntime, /^\d+\.\d+/);
    assert.ok(evidence.timeline.length >= 2);
    for (const { variant, paired, alone } of evidence.trials) {
      if (alone) assert.ok(alone.before.load1 >= 0);
      if (variant !== 'float32') assert.ok(paired!.blocks.length >= 8);
      if (variant !== 'float32') assert.equal(paired!.variant.quantilesUs[50], paired!.variant.p50Us);
    }
  });

  it('reports progress that never turns back: first calibrating, then measuring', () => {
    const phases = progress.map(({ phase }) => phase);
    assert.deepEqual([...new Set(phases)], ['calibrating', 'measuring']);
    assert.equal(phases.lastIndexOf('calibrating') + 1, phases.indexOf('measuring'));
    for (const phase of ['calibrating', 'measuring']) {
      const fractions = progress.filter((step) => step.phase === phase).map(({ fraction }) => fraction);
      assert.deepEqual(
        fractions,
        [...fractions].sort((a, b) => a - b),
      );
      assert.ok(fractions.every((fraction) => fraction >= 0 && fraction <= 1));
    }
  });

  it('keeps ONNX Runtime out of the process that asked for it', async () => {
    const maps = await readFile('/proc/self/maps', 'utf8');
    assert.doesNotMatch(maps, /onnxruntime/);
  });

  it('says what is wrong with data that do not fit, before anything is built', async () => {
    const wrong = { ...request, data: [join(workFolder, 'nowhere.npz')] };
    await assert.rejects(runSelection(wrong), { code: 'FILE_NOT_FOUND' });
  });

  it('stops within moments when it is cancelled', async () => {
    const cancel = new AbortController();
    const reason = new Error('changed my mind');
    const selection = runSelection(request, {
      signal: cancel.signal,
      onProgress: ({ phase }) => phase === 'measuring' && cancel.abort(reason),
    });
    await assert.rejects(selection, reason);
  });
});
