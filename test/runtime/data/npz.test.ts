import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openNpz } from '../../../runtime/data/npz.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { float32Npy, int64Npy, zipBytes } from './npz-writer.ts';

const shared = join(import.meta.dirname, '../../../../shared/data');
const withoutShared = existsSync(shared) ? false : `expected test data in ${shared}`;

const entries = { 'x.npy': float32Npy([3, 2], [1, 2, 3, 4, 5, 6]), 'y.npy': int64Npy([0, 1, 2]) };

async function fileOf(context: TestContext, bytes: Buffer): Promise<string> {
  const path = join(await temporaryFolder(context), 'data.npz');
  await writeFile(path, bytes);
  return path;
}

describe('.npz', () => {
  for (const deflate of [false, true]) {
    it(`reads ${deflate ? 'deflated' : 'stored'} arrays by name, row by row`, async (context) => {
      const arrays = await openNpz(await fileOf(context, zipBytes(entries, deflate)));
      assert.deepEqual([...arrays.keys()], ['x', 'y']);
      assert.deepEqual((await arrays.get('x')?.row(2))?.data, Float32Array.of(5, 6));
      assert.deepEqual((await arrays.get('x')?.row(0))?.data, Float32Array.of(1, 2));
      assert.deepEqual((await arrays.get('y')?.all())?.data, BigInt64Array.of(0n, 1n, 2n));
    });

    it(`refuses a ${deflate ? 'deflated' : 'stored'} file cut short anywhere`, async (context) => {
      const bytes = zipBytes(entries, deflate);
      for (let length = 0; length < bytes.length; length += 7) {
        const path = await fileOf(context, bytes.subarray(0, length));
        await assert.rejects(openNpz(path), { code: 'DATA_INVALID' }, `${length} of ${bytes.length} bytes`);
      }
    });
  }

  it('refuses deflated data whose checksum does not hold', async (context) => {
    const bytes = zipBytes(entries, true);
    const central = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bytes.writeUInt32LE(0xdead, central + 16);
    await assert.rejects(openNpz(await fileOf(context, bytes)), {
      code: 'DATA_INVALID',
      message: /checksum 57005, got/,
    });
  });

  it('refuses an entry that inflates to more than it says, without inflating it all', async (context) => {
    const bytes = zipBytes({ 'x.npy': Buffer.alloc(1 << 20) }, true);
    const central = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bytes.writeUInt32LE(100, central + 24);
    await assert.rejects(openNpz(await fileOf(context, bytes)), { message: /expected deflated data of 100 bytes/ });
  });

  it('refuses zip64, by name', async (context) => {
    const bytes = zipBytes(entries);
    bytes.writeUInt32LE(0xffffffff, bytes.length - 6);
    await assert.rejects(openNpz(await fileOf(context, bytes)), { code: 'DATA_INVALID', message: /got zip64/ });
  });

  it('refuses encrypted entries, other compressions and other files', async (context) => {
    const patched = (at: number, value: number) => {
      const bytes = zipBytes(entries);
      bytes.writeUInt16LE(value, bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + at);
      return fileOf(context, bytes);
    };
    await assert.rejects(openNpz(await patched(8, 1)), { message: /got an encrypted one/ });
    await assert.rejects(openNpz(await patched(10, 12)), { message: /got method 12/ });
    const other = await fileOf(context, zipBytes({ 'notes.txt': Buffer.from('hi') }));
    await assert.rejects(openNpz(other), { message: /expected only \.npy entries, got notes\.txt/ });
  });

  it('reads what NumPy wrote', { skip: withoutShared }, async () => {
    const arrays = await openNpz(join(shared, 'digits/test.npz'));
    assert.deepEqual(arrays.get('x')?.dims, [300, 1, 49, 32]);
    assert.equal(arrays.get('x')?.type, 'float32');
    const labels = Array.from((await arrays.get('y')?.all())?.data ?? [], Number);
    assert.ok(labels.length === 300 && labels.every((label) => label >= 0 && label <= 9));
  });
});
