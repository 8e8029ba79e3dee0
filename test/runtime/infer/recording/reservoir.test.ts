import assert from 'node:assert/strict';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { OctetError } from '../../../../runtime/base/errors.ts';
import { openSamples } from '../../../../runtime/data/open-samples.ts';
import { exportReservoir } from '../../../../runtime/infer/recording/export-reservoir.ts';
import { openReservoir, type Reservoir } from '../../../../runtime/infer/recording/reservoir.ts';
import { readSlots, slotBytes } from '../../../../runtime/infer/recording/window-slots.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { pipeline } from '../small-runner.ts';

/** Values in a window of the small runner's pipeline. */
const values = 8;
const room = (windows: number) => windows * slotBytes(values) + 10;

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function scene(t: TestContext, capacity: number, seed = 1) {
  const folder = await temporaryFolder(t);
  const [clock, problems] = [new FakeClock(), [] as OctetError[]];
  const report = (error: OctetError) => void problems.push(error);
  const context = { pipeline, clock, random: seeded(seed), report };
  const openIt = () => openReservoir({ folder, maxBytes: room(capacity) }, context);
  return { folder, clock, problems, openIt };
}

/** Offers windows that are filled with `first`, `first + 1`, …, a second apart, and waits until each is written. */
async function offer(reservoir: Reservoir, clock: FakeClock, labels: readonly string[], first = 0): Promise<void> {
  for (const [index, label] of labels.entries()) {
    reservoir.offer(new Float32Array(values).fill(first + index), label);
    await clock.advance(1000);
    // Real files under a fake clock: at most four windows may wait for the disk.
    await reservoir.written();
  }
}

const repeat = (label: string, count: number) => Array.from({ length: count }, () => label);

describe('a reservoir', () => {
  it('keeps everything while there is room', async (t) => {
    const { openIt, folder, clock } = await scene(t, 10);
    const reservoir = await openIt();
    await offer(reservoir, clock, [...repeat('walk', 5), 'fall']);
    await reservoir.close();
    const kept = await Array.fromAsync(readSlots(folder, values));
    assert.deepEqual(
      kept.map(({ label, window }) => [label, window[0]]),
      [0, 1, 2, 3, 4, 5].map((value) => [value < 5 ? 'walk' : 'fall', value]),
    );
  });

  it('makes room for what is rare, however much there is of the rest', async (t) => {
    const { openIt, clock } = await scene(t, 12);
    const reservoir = await openIt();
    await offer(reservoir, clock, [...repeat('walk', 200), ...repeat('run', 100), ...repeat('fall', 4)]);
    const sizes = Object.fromEntries(reservoir.sizes);
    await reservoir.close();
    assert.deepEqual(sizes, { walk: 4, run: 4, fall: 4 });
  });

  it('stands for all that a class ever was, not for its beginning or end', async (t) => {
    const [windows, capacity] = [400, 40];
    let sum = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const { openIt, folder, clock } = await scene(t, capacity, seed);
      const reservoir = await openIt();
      await offer(reservoir, clock, repeat('walk', windows));
      await reservoir.close();
      for await (const { window } of readSlots(folder, values)) sum += window[0]!;
    }
    const mean = sum / (5 * capacity);
    // A uniform sample of 0 … 399 has the mean 199.5; of 200 draws its standard error is 8.2.
    assert.ok(Math.abs(mean - 199.5) < 4 * 8.2, `mean ${mean}`);
  });

  it('stays within its bytes', async (t) => {
    const { openIt, folder, clock } = await scene(t, 7);
    const reservoir = await openIt();
    await offer(reservoir, clock, repeat('walk', 50));
    await reservoir.close();
    assert.ok((await stat(join(folder, 'windows.slots'))).size <= room(7));
  });

  it('goes on with what a process before it kept', async (t) => {
    const { openIt, clock } = await scene(t, 4);
    const first = await openIt();
    await offer(first, clock, ['walk', 'walk', 'run']);
    await first.close();
    const second = await openIt();
    assert.deepEqual(Object.fromEntries(second.sizes), { walk: 2, run: 1 });
    await second.close();
  });

  it('loses of a torn write that window alone', async (t) => {
    const { openIt, folder, clock } = await scene(t, 4);
    const first = await openIt();
    await offer(first, clock, ['walk', 'run', 'fall']);
    await first.close();
    const file = await open(join(folder, 'windows.slots'), 'r+');
    await file.write(Buffer.alloc(5, 0xff), 0, 5, slotBytes(values) + 70);
    await file.close();
    const second = await openIt();
    assert.deepEqual(Object.fromEntries(second.sizes), { walk: 1, fall: 1 });
    await second.close();
  });

  it('of which not even one window fits is refused', async (t) => {
    const { folder } = await scene(t, 1);
    const context = { pipeline, clock: new FakeClock(), random: () => 0, report: () => {} };
    await assert.rejects(openReservoir({ folder, maxBytes: 50 }, context), { code: 'DATA_INVALID' });
  });
});

it('an exported reservoir calibrates window by window, oldest first', async (t) => {
  const { openIt, folder, clock } = await scene(t, 3);
  const reservoir = await openIt();
  await offer(reservoir, clock, ['walk', 'run', 'fall'], 5);
  await reservoir.close();
  const out = join(folder, 'recording');
  assert.equal(await exportReservoir(folder, out, pipeline), 3);
  const inputs = [{ name: 'x', type: 'float32' as const, dims: [1, 4, 2] }];
  const samples = await openSamples([out], { inputs, pipeline });
  assert.equal(samples.count, 3);
  const firsts: number[] = [];
  for (let index = 0; index < samples.count; index++) firsts.push(Number((await samples.feeds(index)).x!.data[0]));
  assert.deepEqual(firsts, [5, 6, 7]);
});
