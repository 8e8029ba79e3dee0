import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { streamColumns } from '../../../agent/protocol/messages.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { StreamWriter } from '../../../agent/telemetry/stream-writer.ts';
import { Streams } from '../../../agent/telemetry/streams.ts';
import { cpuLoadBetween, cpuTimesFrom } from '../../../runtime/hardware/cpu-load.ts';
import type { Decision } from '../../../runtime/infer/messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('a stream writer', () => {
  it('numbers points without holes and cuts long runs into rows that follow each other', () => {
    const writer = new StreamWriter('dev');
    const epoch = writer.begin('decisions', '1-a');
    for (let seq = 0; seq < 1200; seq += 1) epoch.append(seq, [seq]);
    const { batches, gaps } = writer.take(7);
    assert.deepEqual(
      batches.map(({ range }) => [range?.first, range?.last]),
      [
        [0, 499],
        [500, 999],
        [1000, 1199],
      ],
    );
    assert.deepEqual(gaps, []);
    assert.equal(batches[0]?.createdMs, 7);
    assert.deepEqual(JSON.parse(batches[2]!.payload)[0], [1000]);
    assert.deepEqual(writer.take(8).batches, []);
  });

  it('states numbers that were skipped and ignores numbers that it has seen', () => {
    const writer = new StreamWriter('dev');
    const epoch = writer.begin('decisions', '1-a');
    for (const seq of [0, 1, 1, 0, 4]) epoch.append(seq, [seq]);
    const { batches, gaps } = writer.take(0);
    assert.deepEqual(
      batches.map(({ range, payload }) => [range?.first, payload]),
      [
        [0, '[[0],[1]]'],
        [4, '[[4]]'],
      ],
    );
    assert.deepEqual(
      gaps.map(({ first, last }) => [first, last]),
      [[2, 3]],
    );
  });

  it('still gives points that come after the news of the end, and then forgets the epoch', () => {
    const writer = new StreamWriter('dev');
    const epoch = writer.begin('decisions', '1-a');
    epoch.append(0, [0]);
    epoch.end();
    assert.equal(writer.take(0).batches.length, 1);
    epoch.append(1, [1]);
    assert.equal(writer.take(0).batches.length, 1);
    writer.take(0);
    epoch.append(2, [2]);
    assert.equal(writer.take(0).batches.length, 0);
  });
});

describe('the streams', () => {
  it('write what the columns promise', async (t) => {
    using store = openStore(await temporaryFolder(t));
    const writer = new StreamWriter('dev');
    const streams = new Streams({ store, writer, random: () => 0.5, clock: new FakeClock(1000) });
    const decision: Decision = { tUs: 5, seq: 0, label: 'row', score: 0.123456, latencyUs: 99.6, truth: 'row' };
    streams.openDecisions('decisions').write([decision]);
    const reading = { temperatureC: 41.5, cpuLoad: 0.25, memoryAvailableBytes: 1, throttled: null, pssBytes: () => 2 };
    streams.writeSystem(reading, undefined);
    const [decisions, system] = writer.take(0).batches;
    assert.deepEqual(JSON.parse(decisions!.payload), [[5, 0, 'row', 0.1235, 100, 'row']]);
    assert.deepEqual(JSON.parse(system!.payload), [[1_000_000, 0, 41.5, 0.25, 1, 2, null]]);
    assert.equal(streamColumns.decisions.length, 6);
    assert.equal(streamColumns.system.length, 7);
    assert.equal(decisions?.range?.epoch, '1-800000');
  });
});

describe('the processor load', () => {
  const stat = (user: number, idle: number) => `cpu  ${user} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 2 3 4`;

  it('is the busy share of the time between two readings', () => {
    assert.equal(cpuLoadBetween(cpuTimesFrom(stat(100, 100)), cpuTimesFrom(stat(125, 175))), 0.25);
  });

  it('is unknown without time between them, or without a readable /proc/stat', () => {
    assert.equal(cpuLoadBetween(cpuTimesFrom(stat(1, 1)), cpuTimesFrom(stat(1, 1))), null);
    assert.equal(cpuTimesFrom(''), null);
  });
});
