import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { SourceSpec } from '../../../../runtime/infer/messages.ts';
import { openSource } from '../../../../runtime/infer/sources/open-source.ts';
import type { SampleBlock, SourceContext } from '../../../../runtime/infer/sources/source.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { pipeline, recordSign } from '../small-runner.ts';

const problems = { reporter: () => (error: Error) => assert.fail(error) };

async function replayOf(context: TestContext, changes: Partial<Extract<SourceSpec, { kind: 'replay' }>>) {
  const folder = await temporaryFolder(context);
  await recordSign(folder, 'r1', 300, 1);
  await recordSign(folder, 'r2', 10, -1);
  const clock = new FakeClock();
  const stopping = new AbortController();
  const sourceContext: SourceContext = { pipeline, clock, problems, signal: stopping.signal };
  const spec = { kind: 'replay', recordings: [folder], speed: 0, loop: false, ...changes } as const;
  return { clock, stopping, source: await openSource(spec, sourceContext) };
}

describe('replay', () => {
  it('gives every sample of every recording in order, and marks where a recording begins', async (context) => {
    const { source } = await replayOf(context, {});
    const blocks: SampleBlock[] = [];
    for await (const block of source) blocks.push(block);
    const figures = blocks.map(({ rows, firstSample, discontinuity }) => [
      rows.length / 2,
      firstSample,
      discontinuity,
      rows[0],
    ]);
    assert.deepEqual(figures, [
      [256, 0, true, 1],
      [44, 256, false, 1],
      [10, 0, true, -1],
    ]);
    assert.equal(blocks[2]?.spans[0]?.label, 'negative');
  });

  it('keeps its rate without drift when timers are late', async (context) => {
    const { source, clock } = await replayOf(context, { speed: 2 });
    let played = 0;
    const playing = (async () => {
      for await (const { rows } of source) played += rows.length / 2;
    })();
    // 100 samples a second, twice as fast: one every 5 ms, the first at once. Time comes in uneven steps.
    for (const [stepMs, expected] of [
      [1, 1],
      [13, 3],
      [86, 21],
      [400, 101],
    ] as const) {
      await clock.advance(stepMs);
      await waitUntil(`${expected} samples played`, () => played >= expected);
      assert.equal(played, expected);
    }
    await clock.advance(2000);
    await playing;
    assert.equal(played, 310);
  });

  it('begins again when told to loop, until stopped', async (context) => {
    const { source, stopping } = await replayOf(context, { loop: true });
    let starts = 0;
    for await (const { discontinuity } of source) if (discontinuity && ++starts === 5) stopping.abort();
    assert.equal(starts, 5);
  });

  it('refuses recordings of another sensor and folders without any', async (context) => {
    const folder = await temporaryFolder(context);
    const open = (path: string, rateHz: number) =>
      openSource(
        { kind: 'replay', recordings: [path], speed: 0, loop: false },
        { pipeline: { ...pipeline, rateHz }, clock: new FakeClock(), problems, signal: new AbortController().signal },
      );
    await assert.rejects(open(folder, 100), { code: 'DATA_INVALID', message: /got no samples/ });
    await recordSign(folder, 'r1', 10, 1);
    await assert.rejects(open(folder, 50), { code: 'DATA_MISMATCH' });
  });
});
