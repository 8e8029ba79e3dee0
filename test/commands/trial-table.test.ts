import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countText, renderTrialTable, type TableRow, timeText } from '../../commands/trial-table.ts';

const float32: TableRow = {
  variant: 'float32',
  sha256: 'a'.repeat(64),
  sizeBytes: 1_400_000,
  p50Us: 271.3,
  p90Us: 314,
  p99Us: 1370,
  speedup: 1,
  throughputPerSecond: 3580.4,
  loadMs: 20,
  peakMemoryBytes: 146_000_000,
  memoryIncrementBytes: 4_300_000,
  accuracy: 0.9503,
  agreement: 1,
  heldOutWindows: 926,
  chosen: false,
  reason: 'int8 is 3.41 times as fast',
};
const int8: TableRow = { ...float32, variant: 'static-u8s8-min-max', p50Us: 79.7, speedup: 3.41, chosen: true };
const failed: TableRow = {
  ...float32,
  variant: 'dynamic',
  ...{ p50Us: 0, p90Us: 0, p99Us: 0, speedup: 0, throughputPerSecond: 0, peakMemoryBytes: 0, memoryIncrementBytes: 0 },
  accuracy: null,
  agreement: null,
  reason: 'failed: a crash in native code (SIGSEGV)',
};

describe('the table of trials', () => {
  const text = renderTrialTable([float32, int8, failed], 'static-u8s8-min-max: 3.41 times as fast.', { colors: false });
  const lines = text.split('\n');
  const lineOf = (name: string) => lines.find((line) => line.slice(2).startsWith(name))!;

  it('has one aligned line per variant under its titles', () => {
    const ends = ['float32', 'static-u8s8-min-max', 'dynamic'].map((name) => lineOf(name).length);
    assert.deepEqual(new Set(ends), new Set([lines[0]!.length]));
    for (const title of ['p50', 'p99', 'speed-up', 'memory', 'accuracy', 'agreement'])
      assert.ok(lines[0]!.includes(title));
  });

  it('marks the chosen one, and only it', () => {
    assert.ok(lineOf('static-u8s8-min-max').startsWith('▸'));
    assert.equal(text.split('▸').length, 2);
  });

  it('shows times in fitting units, shares in per cent and what is missing as dashes', () => {
    assert.match(lineOf('float32'), /271 µs +314 µs +1\.37 ms +1\.00× +3,580 +139 MiB +4\.1 MiB +95\.03 % +100\.00 %/);
    assert.match(lineOf('dynamic'), /(– +){7}–$/);
  });

  it('says why under each variant and the verdict at the end', () => {
    assert.ok(text.includes('\n    failed: a crash in native code (SIGSEGV)'));
    assert.equal(lines.at(-1), '→ static-u8s8-min-max: 3.41 times as fast.');
  });

  it('wraps long reasons to the width', () => {
    const long = { ...float32, reason: 'a word and another '.repeat(20).trim() };
    const wrapped = renderTrialTable([long], 'done', { width: 60, colors: false }).split('\n').slice(2, -2);
    assert.ok(wrapped.length > 5);
    assert.ok(wrapped.every((line) => line.length <= 60));
  });

  it('has colours only when asked for', () => {
    assert.ok(!text.includes('\u001b'));
    assert.ok(renderTrialTable([float32], 'x', { colors: true }).includes('\u001b[1m'));
  });
});

describe('figures in words', () => {
  it('keep three digits or so', () => {
    assert.deepEqual([84.21, 271.3, 1530, 15_300, 0].map(timeText), ['84.2 µs', '271 µs', '1.53 ms', '15.3 ms', '–']);
    assert.deepEqual([12.34, 8520.7, 0].map(countText), ['12.3', '8,521', '–']);
  });
});
