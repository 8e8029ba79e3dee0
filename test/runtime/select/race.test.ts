import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { plainSettings, type SessionSettings, settingsText } from '../../../runtime/measure/session-settings.ts';
import { withoutTwins } from '../../../runtime/select/build-variants.ts';
import { digestData } from '../../../runtime/select/digest-data.ts';
import { entriesFrom } from '../../../runtime/select/entries.ts';
import type { Measured, VariantFile } from '../../../runtime/select/measured.ts';
import { groupsOf } from '../../../runtime/select/race.ts';
import { doubtsOf } from '../../../runtime/select/record.ts';
import { recordTimeline } from '../../../runtime/select/timeline.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const usual = plainSettings(1);
const variant = (name: string, sizeBytes = 1000, sha256 = name): VariantFile => ({
  ...{ name, path: `/${name}`, sha256, sizeBytes, recipe: null, outcomes: [] },
});
const entry = (name: string, settings: Partial<SessionSettings> = {}, sizeBytes = 1000) =>
  ({ name, variant: variant(name, sizeBytes), settings: { ...usual, ...settings } }) as Measured;

describe('the entries of a race', () => {
  it('are every variant under every setting, the usual ones first, each with a name of its own', () => {
    const names = entriesFrom([variant('float32'), variant('static')], [usual, { ...usual, threads: 2 }]);
    assert.deepEqual(
      names.map(({ name }) => name),
      ['float32', 'static', 'float32, 2 threads', 'static, 2 threads'],
    );
    assert.equal(
      settingsText({ threads: 4, spinning: true, arena: false, batch: 8 }, usual),
      '4 threads, spinning, no arena, batches of 8',
    );
  });

  it('are no two of the same bytes: the simpler one stays', () => {
    const { files, skipped } = withoutTwins([variant('a', 1, 'x'), variant('b', 1, 'y'), variant('c', 1, 'x')]);
    assert.deepEqual(
      files.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.deepEqual(skipped, [{ name: 'c', reason: 'the same bytes as a' }]);
  });

  it('share a process but for those that spin, batch or are large', () => {
    const large = 60 * 1024 ** 2;
    const entries = [
      entry('a'),
      entry('b'),
      entry('spin', { spinning: true }),
      entry('c', {}, large),
      entry('d', {}, large),
    ];
    assert.deepEqual(
      groupsOf(entries, 4).map((group) => group.map(({ name }) => name)),
      [['a', 'b'], ['spin'], ['c'], ['d']],
    );
    assert.deepEqual(
      groupsOf(
        ['a', 'b', 'c', 'd', 'e'].map((name) => entry(name)),
        2,
      ).map(({ length }) => length),
      [2, 2, 1],
    );
  });
});

describe('what a record keeps beside the figures', () => {
  it('is a digest of the data that changes with a name and with a byte', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'x.npy'), 'abc');
    const before = await digestData([folder]);
    assert.equal(await digestData([folder]), before);
    await writeFile(join(folder, 'x.npy'), 'abd');
    assert.notEqual(await digestData([folder]), before);
  });

  it('is the conditions once a second, and every other one when there are many', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let seconds = 0;
    const conditions = { temperatureC: 40, frequencyMHz: 1500, load1: 1, throttled: null } as never;
    using timeline = recordTimeline(
      () => seconds * 1000,
      () => conditions,
    );
    for (seconds = 1; seconds <= 1500; seconds++) t.mock.timers.tick(1000);
    assert.ok(timeline.moments.length < 600 && timeline.moments.length > 250, `${timeline.moments.length}`);
    assert.deepEqual(timeline.moments[0]!.throttled, []);
    assert.ok(timeline.moments.at(-1)!.atMs > 1_490_000);
  });
});

describe('doubts about a selection', () => {
  const at = (load1: number) => ({ before: { load1, throttled: null, throttledSinceBoot: null } });
  const seen = (load1: number) => ({ alone: { ...at(load1), after: at(load1).before }, paired: null }) as never;

  it('are that other work ran beside, where it did', () => {
    assert.deepEqual(doubtsOf([seen(1.2), seen(2.5)], 2), []);
    assert.match(doubtsOf([seen(9), seen(11)], 2).join(), /other work ran beside \(load 10\.0 on 2 cores\)/);
  });
});
