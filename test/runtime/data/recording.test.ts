import assert from 'node:assert/strict';
import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { labelOf, openRecording, openRecordings, writeRecording } from '../../../runtime/data/recording.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const channels = [
  { name: 'a', unit: 'g' },
  { name: 'b', unit: 'g' },
];
const rows = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const spans = [{ startSample: 1, endSample: 3, label: 'walk' }];

describe('recording', () => {
  it('comes back as it was written', async (context) => {
    const folder = await temporaryFolder(context);
    await writeRecording(folder, { channels, rateHz: 50, spans, subject: 'p1' }, rows);
    const recording = await openRecording(folder);
    assert.equal(recording.sampleCount, 4);
    assert.deepEqual(recording.info.spans, spans);
    assert.equal(recording.info.subject, 'p1');
    assert.deepEqual(await recording.read(0, 4), rows);
    assert.deepEqual(await recording.read(1, 3), rows.slice(2, 6));
  });

  it('reads across its files, packed or not', async (context) => {
    const folder = await temporaryFolder(context);
    const bytes = Buffer.from(rows.buffer);
    await writeFile(join(folder, '0000.f32'), bytes.subarray(0, 8));
    await writeFile(join(folder, '0001.f32.gz'), gzipSync(bytes.subarray(8, 24)));
    await writeFile(join(folder, '0002.f32'), bytes.subarray(24));
    await writeFile(join(folder, 'recording.json'), JSON.stringify({ format: 1, channels, rateHz: 50 }));
    const recording = await openRecording(folder);
    assert.equal(recording.sampleCount, 4);
    assert.deepEqual(await recording.read(0, 4), rows);
    assert.deepEqual(await recording.read(2, 3), rows.slice(4, 6));
  });

  it('counts whole samples only, when its writer was killed in the middle of one', async (context) => {
    const folder = await temporaryFolder(context);
    const description = { format: 1, channels, rateHz: 50, files: ['0000.f32'], spans: [] };
    await writeFile(join(folder, 'recording.json'), JSON.stringify(description));
    await writeFile(join(folder, '0000.f32'), Buffer.from(rows.buffer).subarray(0, 21));
    assert.equal((await openRecording(folder)).sampleCount, 2);
  });

  it('refuses fewer samples than it says it has', async (context) => {
    const folder = await temporaryFolder(context);
    await writeRecording(folder, { channels, rateHz: 50, spans: [] }, rows);
    await truncate(join(folder, '0000.f32'), 24);
    await assert.rejects(openRecording(folder), { code: 'DATA_INVALID', message: /expected 4 samples, got 3/ });
  });

  it('refuses packed samples that do not unpack', async (context) => {
    const folder = await temporaryFolder(context);
    const packed = gzipSync(Buffer.from(rows.buffer));
    packed.fill(0xff, 10, 14);
    await writeFile(join(folder, '0000.f32.gz'), packed);
    await writeFile(join(folder, 'recording.json'), JSON.stringify({ format: 1, channels, rateHz: 50 }));
    const recording = await openRecording(folder);
    await assert.rejects(recording.read(0, 1), { code: 'DATA_INVALID' });
  });

  it('names every problem of a malformed description, and never reads outside its folder', async (context) => {
    const folder = await temporaryFolder(context);
    const wrong = { format: 1, channels: [], rateHz: -1, files: ['../../secret.f32'] };
    await writeFile(join(folder, 'recording.json'), JSON.stringify(wrong));
    await assert.rejects(openRecording(folder), {
      code: 'DATA_INVALID',
      message: /channels: .*rateHz: .*files\.0: expected a plain name/,
    });
  });

  it('is found alone, or in a folder of recordings, in the order of names', async (context) => {
    const folder = await temporaryFolder(context);
    for (const name of ['r0002', 'r0001'])
      await writeRecording(join(folder, name), { channels, rateHz: 50, spans: [] }, rows);
    await mkdir(join(folder, 'r0003'));
    await appendFile(join(folder, 'notes.txt'), 'not a recording');
    assert.deepEqual(
      (await openRecordings(folder)).map(({ name }) => name),
      ['r0001', 'r0002'],
    );
    assert.deepEqual(
      (await openRecordings(join(folder, 'r0002'))).map(({ name }) => name),
      ['r0002'],
    );
  });

  it('labels a window only when one span covers it entirely', () => {
    assert.equal(labelOf(spans, 1, 3), 'walk');
    assert.equal(labelOf(spans, 0, 2), undefined);
    assert.equal(labelOf(spans, 2, 4), undefined);
  });
});
