import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../../../runtime/base/clock.ts';
import type { OctetError } from '../../../../runtime/base/errors.ts';
import { openRecording, openRecordings } from '../../../../runtime/data/recording.ts';
import { openRecorder, type Recorded } from '../../../../runtime/infer/recording/recorder.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { countingBlock, pipeline } from '../small-runner.ts';

async function recorderIn(folder: string, maxBytes = 1 << 20) {
  const told: Recorded[] = [];
  const problems: OctetError[] = [];
  const recorder = await openRecorder(
    { folder, maxBytes },
    {
      pipeline,
      clock: systemClock,
      report: (error) => void problems.push(error),
      onRecorded: (event) => void told.push(event),
    },
  );
  return { recorder, told, problems };
}

describe('recorder', () => {
  it('writes each contiguous run as a recording of its own, with its labels', async (context) => {
    const folder = await temporaryFolder(context);
    const spans = [{ startSample: 2, endSample: 7, label: 'walk' }];
    const { recorder, told } = await recorderIn(folder);
    await recorder.push(countingBlock(0, 5, spans));
    await recorder.push(countingBlock(5, 5, spans));
    await recorder.push(countingBlock(0, 4));
    await recorder.close();
    const [first, second] = await openRecordings(folder);
    assert.deepEqual([first?.name, first?.sampleCount, second?.name, second?.sampleCount], ['r0001', 10, 'r0002', 4]);
    assert.deepEqual(first?.info.spans, spans);
    assert.deepEqual(await first?.read(0, 10), countingBlock(0, 10).rows);
    assert.deepEqual(told.at(-1), { windows: 4 + 1, bytes: 14 * 8, full: false });
  });

  it('counts labels from the first sample it records', async (context) => {
    const folder = await temporaryFolder(context);
    const { recorder } = await recorderIn(folder);
    const spans = [
      { startSample: 0, endSample: 90, label: 'before' },
      { startSample: 95, endSample: 110, label: 'walk' },
    ];
    await recorder.push(countingBlock(100, 20, spans));
    await recorder.close();
    const { info } = await openRecording(join(folder, 'r0001'));
    assert.deepEqual(info.spans, [{ startSample: 0, endSample: 10, label: 'walk' }]);
  });

  it('continues a folder: what is there counts, and is not touched', async (context) => {
    const folder = await temporaryFolder(context);
    const first = await recorderIn(folder);
    await first.recorder.push(countingBlock(0, 6));
    await first.recorder.close();
    const second = await recorderIn(folder);
    assert.deepEqual(second.told, [{ windows: 2, bytes: 6 * 8, full: false }]);
    await second.recorder.push(countingBlock(0, 4));
    await second.recorder.close();
    assert.deepEqual(second.told.at(-1), { windows: 2 + 1, bytes: 10 * 8, full: false });
    assert.deepEqual(await readdir(folder), ['r0001', 'r0002']);
  });

  it('stops at its limit with a whole sample, and says so', async (context) => {
    const folder = await temporaryFolder(context);
    const { recorder, told } = await recorderIn(folder, 7 * 8 + 5);
    await recorder.push(countingBlock(0, 5));
    await recorder.push(countingBlock(5, 5));
    await recorder.push(countingBlock(0, 5));
    await recorder.close();
    assert.deepEqual(
      (await openRecordings(folder)).map(({ sampleCount }) => sampleCount),
      [7],
    );
    assert.deepEqual(told.at(-1), { windows: 2, bytes: 56, full: true });
  });

  it('reports a folder that cannot be written to, once, and takes no more', async (context) => {
    const folder = await temporaryFolder(context);
    const { recorder, told, problems } = await recorderIn(folder);
    await writeFile(join(folder, 'r0001'), 'in the way');
    await recorder.push(countingBlock(0, 5));
    await recorder.push(countingBlock(0, 5));
    await recorder.close();
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['WRITE_FAILED'],
    );
    assert.deepEqual(told, []);
  });
});
