import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OctetError } from '../../../../runtime/base/errors.ts';
import { createDecoder } from '../../../../runtime/infer/sources/create-decoder.ts';
import type { SampleFormat } from '../../../../runtime/infer/sources/sample-format.ts';
import { pipeline } from '../small-runner.ts';

/** Decodes bytes that arrive in pieces of `pieceBytes`, and says what was refused. */
function decode(format: SampleFormat, bytes: Uint8Array, pieceBytes = 3) {
  const refused: string[] = [];
  const decoder = createDecoder(format, pipeline, (error: OctetError) => refused.push(error.message));
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    values.push(...decoder.push(bytes.subarray(at, at + pieceBytes)));
  return { values: [...values, ...decoder.end()], refused };
}

const text = (...lines: string[]) => Buffer.from(lines.join('\n'));

describe('JSON lines', () => {
  it('are arrays in order, or objects by channel name', () => {
    const { values, refused } = decode({ kind: 'json' }, text('[1,2]', '{"b":4,"a":3,"t":9}', '{"a":5}'));
    assert.deepEqual(values, [1, 2, 3, 4]);
    assert.deepEqual(refused, ['source: expected a JSON array of 2 numbers per line, got {"a":5}']);
  });
});

describe('CSV', () => {
  it('has the channels as its columns where nothing names them', () => {
    assert.deepEqual(decode({ kind: 'csv' }, text('1,2', '3;4', '5 6', '7\t8')).values, [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('has its columns chosen by a line of names, wherever they stand', () => {
    const { values, refused } = decode({ kind: 'csv' }, text('time,b,note,a', '0.1,2,x,1', '0.2,4,y,3', ''));
    assert.deepEqual([values, refused], [[1, 2, 3, 4], []]);
  });

  it('loses the lines that are no samples, and says so', () => {
    const { values, refused } = decode({ kind: 'csv' }, text('# sensor 1.2', '1,2', '3,', '3,4,5', 'NaN,1', '6,7'));
    assert.deepEqual(values, [1, 2, 6, 7]);
    assert.equal(refused.length, 4);
    assert.equal(refused[1], 'source: expected 2 numbers or a head with a, b per line, got 3,');
  });
});

describe('PCM', () => {
  it('gives whole numbers as shares of their range, samples that are cut anywhere included', () => {
    const s16 = Buffer.from(Int16Array.of(-32768, 16384, 0, 32767).buffer);
    assert.deepEqual(decode({ kind: 'pcm', encoding: 's16le' }, s16).values, [-1, 0.5, 0, Math.fround(32767 / 32768)]);
    const s32 = Buffer.from(Int32Array.of(-(2 ** 31), 2 ** 30).buffer);
    assert.deepEqual(decode({ kind: 'pcm', encoding: 's32le' }, s32).values, [-1, 0.5]);
    assert.deepEqual(decode({ kind: 'pcm', encoding: 'u8' }, Uint8Array.of(0, 192)).values, [-1, 0.5]);
  });

  it('gives floats as they are', () => {
    const f32 = Buffer.from(Float32Array.of(0.25, -8).buffer);
    assert.deepEqual(decode({ kind: 'pcm', encoding: 'f32le' }, f32).values, [0.25, -8]);
  });

  it('leaves out what the end cuts off', () => {
    assert.deepEqual(decode({ kind: 'pcm', encoding: 'u8' }, Uint8Array.of(128, 128, 128)).values, [0, 0]);
  });
});

it('frames are bytes, one a channel', () => {
  const image = { ...pipeline, channels: [{ name: 'pixel', unit: '1', count: 6 }] };
  const decoder = createDecoder({ kind: 'frames' }, image, () => assert.fail('nothing to refuse'));
  assert.deepEqual([...decoder.push(Uint8Array.of(0, 1, 2, 3))], []);
  assert.deepEqual([...decoder.push(Uint8Array.of(254, 255, 9))], [0, 1, 2, 3, 254, 255]);
});
