import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../runtime/base/clock.ts';
import { windowCount } from '../../../runtime/data/window.ts';
import type { Decision } from '../../../runtime/infer/messages.ts';
import { type RunnerParts, runPipeline } from '../../../runtime/infer/runner.ts';
import type { SampleBlock } from '../../../runtime/infer/sources/source.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { countingBlock, pipeline } from './small-runner.ts';

/** Runs blocks through a model that labels a window by its first sample. */
async function decide(blocks: readonly SampleBlock[], changes: Partial<RunnerParts> = {}): Promise<Decision[]> {
  const decisions: Decision[] = [];
  await runPipeline({
    source: (async function* () {
      yield* blocks;
    })(),
    pipeline,
    infer: async (window) => ({ label: String(window[0]), score: 1 }),
    sinks: [{ write: (decision) => void decisions.push(decision) }],
    report: ({ message }) => assert.fail(message),
    clock: systemClock,
    signal: new AbortController().signal,
    ...changes,
  });
  return decisions;
}

describe('runner', () => {
  it('decides every window exactly once and in order, however the samples are cut into blocks', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (counts) => {
        let first = 0;
        const blocks = counts.map((count) => {
          const block = countingBlock(first, count);
          first += count;
          return block;
        });
        const expected = Array.from({ length: windowCount(first, pipeline.window) }, (_, at) => [at, String(at * 2)]);
        assert.deepEqual(
          (await decide(blocks)).map(({ seq, label }) => [seq, label]),
          expected,
        );
      }),
    );
  });

  it('lets no window span a discontinuity, and goes on counting', async () => {
    const decisions = await decide([countingBlock(0, 5), countingBlock(0, 6)]);
    assert.deepEqual(
      decisions.map(({ seq, label }) => [seq, label]),
      [
        [0, '0'],
        [1, '0'],
        [2, '2'],
      ],
    );
  });

  it('never has two windows in flight', async () => {
    let inFlight = 0;
    const infer: RunnerParts['infer'] = async () => {
      assert.equal(++inFlight, 1);
      await new Promise(setImmediate);
      inFlight--;
      return { label: 'x', score: 1 };
    };
    assert.equal((await decide([countingBlock(0, 40)], { infer })).length, 19);
  });

  it('tells the truth only for windows that one label covers', async () => {
    const spans = [{ startSample: 0, endSample: 5, label: 'rest' }];
    const decisions = await decide([countingBlock(0, 3, spans), countingBlock(3, 5, spans)]);
    assert.deepEqual(
      decisions.map(({ truth }) => truth),
      ['rest', undefined, undefined],
    );
  });

  it('measures latency from the window’s last sample to the decision', async () => {
    const clock = new FakeClock();
    const infer: RunnerParts['infer'] = async () => {
      await clock.advance(7);
      return { label: 'x', score: 1 };
    };
    const [decision] = await decide([countingBlock(0, 4)], { clock, infer });
    assert.equal(decision?.latencyUs, 7000);
    assert.equal(decision?.tUs, 1_000_000);
  });

  it('reports a window whose outputs are not finite instead of acting on it, and goes on', async () => {
    const reported: string[] = [];
    const decisions = await decide([countingBlock(0, 10)], {
      infer: async (window) => (window[0] === 2 ? undefined : { label: String(window[0]), score: 1 }),
      report: ({ code, message }) => void reported.push(`${code} ${message}`),
    });
    assert.deepEqual(
      decisions.map(({ seq, label }) => [seq, label]),
      [
        [0, '0'],
        [1, '4'],
        [2, '6'],
      ],
    );
    assert.deepEqual(reported, [
      'DATA_INVALID window that ends at sample 5: expected finite outputs of the model, got NaN or infinity',
    ]);
  });

  it('stops between two windows when it is told to', async () => {
    const stopping = new AbortController();
    const write = ({ seq }: Decision) => seq === 2 && stopping.abort();
    const seen: number[] = [];
    await decide([countingBlock(0, 40)], {
      signal: stopping.signal,
      sinks: [{ write: ({ seq }) => void seen.push(seq) }, { write }],
    });
    assert.deepEqual(seen, [0, 1, 2]);
  });
});
