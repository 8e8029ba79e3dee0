import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { explainEvidence } from '../../../runtime/select/explain.ts';
import { findEvidence } from '../../../runtime/select/find-evidence.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { recordedEvidence, recordedTrial } from './recorded-evidence.ts';

describe('a record in plain words', () => {
  const { demands, trials } = recordedEvidence();
  const sections = explainEvidence(
    recordedEvidence({
      demands: { ...demands, latencyP95Us: 5000 },
      trials: [...trials, recordedTrial('lossy', 3, { fate: 'refused', reason: 'loses 3.00 points' })],
    }),
    'e.json',
  );
  const textOf = (title: string) => sections.find((section) => section.title.startsWith(title))?.lines.join('\n') ?? '';

  it('begins with the answer and the question', () => {
    assert.deepEqual(
      sections.slice(0, 2).map(({ title }) => title),
      ['The answer', 'The question'],
    );
    assert.match(textOf('The answer'), /^static: twice as fast\./);
    assert.match(textOf('The question'), /the least time for a sample.*95 of 100 calls within 5\.00 ms/);
  });

  it('tells rounds, losers, what was not tried, and how hot it was', () => {
    assert.match(textOf('How it was found'), /2 for 0\.4 s each/);
    assert.match(textOf('Good enough'), /dynamic: as recorded \[p50 66\.7 µs/);
    assert.match(textOf('Refused'), /lossy: loses 3\.00 points/);
    assert.match(textOf('Not tried'), /weight-only: only 900 weights/);
    assert.match(textOf('Conditions'), /temperature 50 to 61 °C, clock 2400 MHz, load 0\.2 to 1/);
  });

  it('ends with the command that checks it', () => {
    assert.match(textOf('Check it'), /octet select --repeat e\.json/);
  });
});

describe('looking for a record', () => {
  const name = (digit: string) => `${digit.repeat(64)}.json`;
  it('takes the newest of a folder, and counts the others', async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, 'evidence'));
    for (const [digit, createdMs] of [
      ['1', 1000],
      ['2', 3000],
      ['3', 2000],
    ] as const)
      await writeFile(join(folder, 'evidence', name(digit)), JSON.stringify(recordedEvidence({ createdMs })));
    const { path, older } = await findEvidence(folder);
    assert.equal(path, join(folder, 'evidence', name('2')));
    assert.equal(older, 2);
  });

  it('says what is wrong with a file that is none, and with an empty folder', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(findEvidence(folder), { code: 'FILE_NOT_FOUND', message: /records named <sha256>\.json/ });
    await writeFile(join(folder, 'x.json'), '{"format":1}');
    await assert.rejects(findEvidence(join(folder, 'x.json')), { code: 'EVIDENCE_INVALID', message: /format/ });
    await assert.rejects(findEvidence(join(folder, 'none.json')), { code: 'FILE_NOT_FOUND' });
  });
});
