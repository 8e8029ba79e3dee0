import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { missingFile } from '../support/requirements.ts';

const root = join(import.meta.dirname, '../..');
const gestures = join(root, '../shared/data/gestures');
const octet = (...words: string[]) =>
  spawnSync(process.execPath, [join(root, 'cli.ts'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });

describe('octet select', { skip: missingFile(gestures) }, () => {
  let folder: string;
  const model = join(gestures, 'cnn1d.onnx');
  const data = join(gestures, 'train.npz');
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-select-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('prints the table with its verdict, and names what it wrote', () => {
    const { status, stdout, stderr } = octet(
      'select',
      model,
      '--data',
      data,
      '--time',
      '15s',
      '-o',
      join(folder, 'out'),
      '--report',
      join(folder, 'out.html'),
    );
    assert.equal(status, 0, stderr);
    const page = readFileSync(join(folder, 'out.html'), 'utf8');
    assert.match(page, /<section id="trade-off">/);
    assert.ok(page.includes('octet select --repeat'), 'says how to repeat');
    assert.match(stdout, /variant +size +p50/);
    assert.match(stdout, /\n→ /);
    const written = [...stdout.matchAll(/^(?:model|evidence) +(.+)$/gm)].map(([, path]) => path!);
    assert.equal(written.length, 2);
    assert.ok(written.every((path) => existsSync(path)));
  });

  it('ends with 3 and the closest miss when nothing fits, as one JSON document', () => {
    const out = join(folder, 'tight');
    const { status, stdout, stderr } = octet(
      'select',
      model,
      '--data',
      data,
      '--memory',
      '1MiB',
      '--time',
      '15s',
      '-o',
      out,
      '--json',
    );
    assert.equal(status, 3, stderr);
    const result = JSON.parse(stdout);
    assert.equal(result.outcome, 'closest');
    assert.match(result.verdict, /^Nothing meets the constraints; .* comes closest: needs .* MiB of memory, 1\.0 MiB/);
  });

  it('refuses data of another shape before it builds anything', () => {
    const out = join(folder, 'mismatch');
    const other = join(gestures, '../fashion/calibration.npz');
    const { status, stderr } = octet('select', model, '--data', other, '-o', out);
    assert.equal(status, 2);
    assert.match(stderr, /DATA_MISMATCH/);
    assert.ok(!existsSync(out));
  });
});
