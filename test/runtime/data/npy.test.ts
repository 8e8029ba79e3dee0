import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { byteSourceOfBuffer } from '../../../runtime/data/bytes.ts';
import { openNpy } from '../../../runtime/data/npy.ts';
import { float32Npy, npyBytes } from './npz-writer.ts';

const open = (bytes: Buffer) => openNpy(byteSourceOfBuffer(bytes), 'x.npy');

describe('.npy', () => {
  const arrays: readonly (readonly [descr: string, type: string, data: NodeJS.TypedArray])[] = [
    ['<f4', 'float32', Float32Array.of(1.5, -2, 3, 4)],
    ['<f8', 'float64', Float64Array.of(0.1, 2, 3, 4)],
    ['|i1', 'int8', Int8Array.of(-128, 0, 1, 127)],
    ['|u1', 'uint8', Uint8Array.of(0, 1, 2, 255)],
    ['<i2', 'int16', Int16Array.of(-32768, 0, 1, 2)],
    ['<u2', 'uint16', Uint16Array.of(0, 1, 2, 65535)],
    ['<i4', 'int32', Int32Array.of(-1, 2, 3, 4)],
    ['<i8', 'int64', BigInt64Array.of(-1n, 2n, 3n, 2n ** 60n)],
    ['|b1', 'bool', Uint8Array.of(0, 1, 1, 0)],
  ];
  for (const [descr, type, data] of arrays) {
    it(`reads ${descr} as ${type}, whole and row by row`, async () => {
      const array = await open(npyBytes({ descr, shape: [2, 2] }, data));
      assert.deepEqual(await array.all(), { type, dims: [2, 2], data });
      assert.deepEqual(await array.row(1), { type, dims: [2], data: data.slice(2) });
    });
  }

  for (const version of [1, 2, 3] as const) {
    it(`reads version ${version}`, async () => {
      const array = await open(npyBytes({ descr: '<f4', shape: [2], version }, Float32Array.of(1, 2)));
      assert.deepEqual((await array.all()).data, Float32Array.of(1, 2));
    });
  }

  it('gives rows that can be changed without changing the array', async () => {
    const array = await open(float32Npy([2, 1], [1, 2]));
    (await array.row(0)).data[0] = 9;
    assert.equal((await array.row(0)).data[0], 1);
  });

  const good = float32Npy([2, 2], [1, 2, 3, 4]);
  const refused: readonly (readonly [what: string, bytes: Buffer, says: RegExp])[] = [
    ['something else', Buffer.from('PK\x03\x04 not an array'), /expected the magic of a \.npy array/],
    ['an empty file', Buffer.alloc(0), /expected the magic/],
    ['a file cut short in its header', good.subarray(0, 20), /expected a header of \d+ bytes, got 10/],
    ['a file cut short in its data', good.subarray(0, -1), /expected 16 bytes of data for float32 \[2, 2\], got 15/],
    [
      'Fortran order',
      npyBytes({ descr: '<f4', shape: [2, 2], fortranOrder: true }, new Float32Array(4)),
      /expected C order, got Fortran order/,
    ],
    ['big-endian elements', npyBytes({ descr: '>f4', shape: [1] }, new Float32Array(1)), /element type .* got '>f4'/],
    ['Python objects', npyBytes({ descr: '|O', shape: [1] }, new Float32Array(1)), /got '\|O'/],
    ['a shape that is not one', Buffer.from(good.toString('latin1').replace('(2', '(x'), 'latin1'), /shape/],
  ];
  for (const [what, bytes, says] of refused) {
    it(`refuses ${what}, saying what was expected`, async () => {
      await assert.rejects(open(bytes), { code: 'DATA_INVALID', message: says });
    });
  }
});
