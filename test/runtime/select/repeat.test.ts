import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareRuns, repeatRequest } from '../../../runtime/select/repeat.ts';
import { recordedEvidence, recordedTrial } from './recorded-evidence.ts';

const float32 = recordedTrial('float32', null);

describe('two runs side by side', () => {
  it('agree on one answer, and show every contender of either', () => {
    const now = recordedEvidence({ trials: [...recordedEvidence().trials, recordedTrial('late', 1.2)] });
    const { result, rows, agreement, changes } = compareRuns(recordedEvidence(), now);
    assert.equal(result, 'same');
    assert.equal(agreement, 'Both runs choose static.');
    assert.deepEqual(
      rows.map(({ name, before, after }) => [name, before.speedup?.value, after.speedup?.value]),
      [
        ['float32', undefined, undefined],
        ['static', 2, 2],
        ['dynamic', 1.5, 1.5],
        ['late', undefined, 1.2],
      ],
    );
    assert.deepEqual(changes, []);
  });

  it('may differ between two whose intervals overlap', () => {
    const trials = [float32, recordedTrial('static', 2), recordedTrial('dynamic', 2.05)];
    const { result } = compareRuns(recordedEvidence(), recordedEvidence({ trials, chosen: 'dynamic' }));
    assert.equal(result, 'tie');
  });

  it('disagree when the answers are apart in both', () => {
    const { result, agreement } = compareRuns(recordedEvidence(), recordedEvidence({ chosen: 'dynamic' }));
    assert.equal(result, 'other');
    assert.match(agreement, /static then, dynamic now: the runs disagree/);
  });

  it('name what is not as it was', () => {
    const { environment, data } = recordedEvidence();
    const now = recordedEvidence({
      environment: { ...environment, onnxRuntime: '1.31.0' },
      data: { ...data, sha256: 'e'.repeat(64) },
      trials: [float32, recordedTrial('static', 2, { sha256: 'f'.repeat(64) })],
    });
    const { changes } = compareRuns(recordedEvidence(), now);
    assert.deepEqual(changes, [
      'other data: dddddddddddd then, eeeeeeeeeeee now',
      'other ONNX Runtime: 1.30.0 then, 1.31.0 now',
      'static: the recipe gave other bytes this time',
    ]);
  });
});

describe('a selection that is run again', () => {
  it('says what it needs when model or data are not where they were', async () => {
    const again = repeatRequest(recordedEvidence(), { workFolder: '/tmp/x' });
    await assert.rejects(again, { code: 'FILE_NOT_FOUND', hint: /octet select MODEL --repeat/ });
    const elsewhere = repeatRequest(recordedEvidence(), { workFolder: '/tmp/x', modelPath: import.meta.filename });
    await assert.rejects(elsewhere, { code: 'FILE_NOT_FOUND', hint: /--data PATH/ });
  });

  it('asks for what was asked before', async () => {
    const places = { workFolder: '/tmp/x', modelPath: import.meta.filename, data: [import.meta.filename] };
    const { demands } = recordedEvidence();
    const limited = recordedEvidence({ demands: { ...demands, latencyP95Us: 5000 } });
    const { latencyP95Us, memoryBytes, timeMs, searchSettings, budget } = await repeatRequest(limited, places);
    assert.deepEqual([latencyP95Us, memoryBytes, timeMs, searchSettings], [5000, undefined, 60_000, true]);
    assert.deepEqual(budget, { maxDrop: 0.01, maxDisagreement: 0.02 });
  });
});
