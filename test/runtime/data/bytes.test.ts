import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { byteSourceOfFile } from '../../../runtime/data/bytes.ts';

describe('bytes of a file', () => {
  // More than one read-ahead, and no multiple of it.
  const bytes = Uint8Array.from({ length: 700_001 }, (_, at) => (at * 7) % 251);
  const start = 5;
  const part = bytes.subarray(start);
  let folder: string;
  let path: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-bytes-'));
    path = join(folder, 'x.bin');
    await writeFile(path, bytes);
  });
  after(() => rm(folder, { recursive: true }));

  for (const [words, offsets] of [
    ['in order', [0, 250_000, 500_000, 699_896]],
    ['backwards', [699_896, 500_000, 250_000, 0]],
  ] as const)
    it(`are those at the offset, read ${words}`, async () => {
      const source = byteSourceOfFile(path, start, part.length);
      for (const offset of offsets)
        assert.deepEqual(new Uint8Array(await source.read(offset, 100)), part.slice(offset, offset + 100));
    });

  it('are those at the offset when many read at the same time', async () => {
    const source = byteSourceOfFile(path, start, part.length);
    const offsets = [0, 300_000, 10, 600_000, 300_010, 1];
    for (let round = 0; round < 20; round++) {
      const copies = await Promise.all(offsets.map(async (offset) => new Uint8Array(await source.read(offset, 100))));
      for (const [at, offset] of offsets.entries()) assert.deepEqual(copies[at], part.slice(offset, offset + 100));
    }
  });

  it('come from one block however much is read', async () => {
    const source = byteSourceOfFile(path, start, part.length);
    const { buffer } = await source.read(0, 100);
    assert.equal((await source.read(650_000, 100)).buffer, buffer);
  });
});
