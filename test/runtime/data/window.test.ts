import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Pipeline } from '../../../runtime/data/pipeline.ts';
import { createWindower, windowCount } from '../../../runtime/data/window.ts';

function pipelineOf(channels: number, samples: number, stride: number): Pipeline {
  const names = Array.from({ length: channels }, (_, index) => ({ name: `c${index}`, unit: '' }));
  return { channels: names, rateHz: 50, window: { samples, stride } };
}

/** Pushes `count` samples and copies each window that completes. */
function windowsOf(pipeline: Pipeline, rows: Float32Array, windower = createWindower(pipeline)): number[][] {
  const windows: number[][] = [];
  for (let offset = 0; offset < rows.length; offset += pipeline.channels.length) {
    const window = windower.push(rows, offset);
    if (window) windows.push(Array.from(window));
  }
  return windows;
}

describe('windower', () => {
  it('gives exactly the slices that start at multiples of the stride, whatever the sizes', () => {
    const sizes = fc.record({
      channels: fc.integer({ min: 1, max: 4 }),
      samples: fc.integer({ min: 1, max: 12 }),
      stride: fc.integer({ min: 1, max: 15 }),
      count: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(sizes, ({ channels, samples, stride, count }) => {
        const pipeline = pipelineOf(channels, samples, stride);
        const rows = Float32Array.from({ length: count * channels }, (_, index) => index);
        const expected = Array.from({ length: windowCount(count, pipeline.window) }, (_, at) =>
          Array.from(rows.subarray(at * stride * channels, (at * stride + samples) * channels)),
        );
        assert.deepEqual(windowsOf(pipeline, rows), expected);
      }),
      { numRuns: 300 },
    );
  });

  it('starts anew after a gap: no window spans it', () => {
    const pipeline = pipelineOf(1, 3, 1);
    const windower = createWindower(pipeline);
    assert.deepEqual(windowsOf(pipeline, Float32Array.of(1, 2), windower), []);
    windower.reset();
    assert.deepEqual(windowsOf(pipeline, Float32Array.of(3, 4), windower), []);
    assert.deepEqual(windowsOf(pipeline, Float32Array.of(5), windower), [[3, 4, 5]]);
  });

  it('counts no window in fewer samples than one window needs', () => {
    assert.equal(windowCount(127, { samples: 128, stride: 64 }), 0);
    assert.equal(windowCount(128, { samples: 128, stride: 64 }), 1);
    assert.equal(windowCount(191, { samples: 128, stride: 64 }), 1);
    assert.equal(windowCount(192, { samples: 128, stride: 64 }), 2);
  });
});
