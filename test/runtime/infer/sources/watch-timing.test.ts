import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OctetError } from '../../../../runtime/base/errors.ts';
import type { SampleBlock } from '../../../../runtime/infer/sources/source.ts';
import { watchTiming } from '../../../../runtime/infer/sources/watch-timing.ts';
import { pipeline } from '../small-runner.ts';

/** One block of a source: how many samples of two channels, after how long, and what the wall clock did meanwhile. */
type Beat = { readonly samples: number; readonly afterMs: number; readonly stepMs?: number; readonly fresh?: boolean };

/** Plays blocks on a clock of its own. `workMs`: what the model takes for each of them. */
async function watched(beats: readonly Beat[], workMs = 0) {
  let [monotonicMs, wallMs] = [0, 1_000_000];
  const pass = (ms: number) => {
    monotonicMs += ms;
    wallMs += ms;
  };
  const clock = { monotonicMs: () => monotonicMs, wallMs: () => wallMs, sleep: async () => {} };
  const said: string[] = [];
  const problems = { reporter: () => (error: OctetError) => void said.push(error.message) };
  async function* source(): AsyncGenerator<SampleBlock> {
    for (const { samples, afterMs, stepMs = 0, fresh = false } of beats) {
      pass(afterMs);
      wallMs += stepMs;
      yield { rows: new Float32Array(samples * 2), tUs: 0, discontinuity: fresh, firstSample: 0, spans: [] };
    }
  }
  const blocks: { discontinuity: boolean; firstSample: number }[] = [];
  const context = { pipeline, clock, problems, signal: new AbortController().signal };
  for await (const { discontinuity, firstSample } of watchTiming(source(), context)) {
    blocks.push({ discontinuity, firstSample });
    pass(workMs);
  }
  return { blocks, said };
}

/** The pipeline's rate is 100 samples a second. */
const steady = (count: number): Beat[] => Array.from({ length: count }, () => ({ samples: 10, afterMs: 100 }));

describe('a live source', () => {
  it('is counted on while it is in time', async () => {
    const { blocks, said } = await watched(steady(200));
    assert.deepEqual(said, []);
    assert.deepEqual(blocks.at(-1), { discontinuity: false, firstSample: 1990 });
  });

  it('begins anew after a silence, and says how long it was', async () => {
    const { blocks, said } = await watched([...steady(3), { samples: 10, afterMs: 3200 }, ...steady(1)]);
    assert.deepEqual(blocks.slice(2), [
      { discontinuity: false, firstSample: 20 },
      { discontinuity: true, firstSample: 0 },
      { discontinuity: false, firstSample: 10 },
    ]);
    assert.deepEqual(said, ['source: expected 100 samples a second, got none for 3.2 s; the next window begins anew']);
  });

  it('is not blamed for samples that come late because there are many of them', async () => {
    const { said } = await watched([...steady(3), { samples: 300, afterMs: 3000 }]);
    assert.deepEqual(said, []);
  });

  it('is not blamed for the time that the model takes', async () => {
    const { blocks } = await watched(
      [
        { samples: 10, afterMs: 0 },
        { samples: 10, afterMs: 0 },
        { samples: 10, afterMs: 0 },
      ],
      4000,
    );
    assert.deepEqual(
      blocks.map(({ discontinuity }) => discontinuity),
      [false, false, false],
    );
  });

  it('is told on when its rate is another than the one that the model was trained on', async () => {
    const { said } = await watched(Array.from({ length: 300 }, () => ({ samples: 4, afterMs: 50 })));
    assert.equal(said[0], 'source: expected 100 samples a second, as the model was trained on, got 80.0');
  });

  it('keeps the discontinuities of its own', async () => {
    const { blocks } = await watched([...steady(2), { samples: 10, afterMs: 100, fresh: true }]);
    assert.deepEqual(blocks.at(-1), { discontinuity: true, firstSample: 0 });
  });
});

it('a step of the wall clock is said once, and ends no window', async () => {
  const { blocks, said } = await watched([
    ...steady(2),
    { samples: 10, afterMs: 100, stepMs: -86_400_000 },
    ...steady(2),
  ]);
  assert.deepEqual(said, ['source: expected a steady wall clock, got a step back by 86400.0 s']);
  assert.ok(blocks.every(({ discontinuity }) => !discontinuity));
});
