import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as words from '../../../fleet/console/words.ts';

const examples: readonly (readonly [string, string])[] = [
  [words.nameOf('forward-elevation'), 'Forward elevation'],
  [words.bytesInWords(999), '999 B'],
  [words.bytesInWords(0), '0 B'],
  [words.bytesInWords(1536), '1.5 KiB'],
  [words.bytesInWords(248_000), '242 KiB'],
  [words.bytesInWords(3_977_478_144), '3.7 GiB'],
  [words.microsecondsInWords(87.34), '87.3 µs'],
  [words.microsecondsInWords(1240), '1.24 ms'],
  [words.microsecondsInWords(2_500_000), '2.50 s'],
  [words.percentInWords(0.9812), '98.1 %'],
  [words.ratioInWords(2.4131), '2.41×'],
  [words.pointsInWords(-0.0031), '−0.3 points'],
  [words.pointsInWords(0.0004), '±0 points'],
  [words.countInWords(12345), '12,345'],
];

describe('numbers in words', () => {
  for (const [written, expected] of examples)
    it(`say ${expected}`, () => assert.equal(written.replaceAll('\u00a0', ' '), expected));

  it('do not break between a number and its unit', () => {
    assert.equal(words.microsecondsInWords(87.34), '87.3\u00a0µs');
  });
});
