import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const octet = join(import.meta.dirname, '../../octet');
const model = join(import.meta.dirname, '../../models/bundled/watch-exercise');
const mayMount = process.getuid?.() === 0 ? false : 'needs root, to mount a disk of 256 KiB';

describe('on a full disk', { skip: mayMount }, () => {
  let folder: string;
  let disk: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'octet-full-disk-'));
    disk = join(folder, 'disk');
    mkdirSync(disk);
    const { status, stderr } = spawnSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });
  after(() => {
    spawnSync('/usr/bin/umount', [disk]);
    rmSync(folder, { recursive: true });
  });

  function run(...words: string[]) {
    return spawnSync(octet, words, { encoding: 'utf8', timeout: 60_000 });
  }

  it('quantize says so, keeps the file that was there, and leaves nothing half-written', () => {
    const output = join(disk, 'int8.onnx');
    writeFileSync(output, 'the old file');
    const { status, stderr } = run(
      'quantize',
      model,
      '--recipe',
      'static',
      '--samples',
      '32',
      '--data',
      join(model, 'recordings/p03-abduction-left'),
      '-o',
      output,
    );
    assert.equal(status, 1, stderr);
    assert.match(stderr, /DISK_FULL[\s\S]*expected room to write[\s\S]*df -h/);
    assert.deepEqual(readdirSync(disk), ['int8.onnx']);
    assert.equal(readFileSync(output, 'utf8'), 'the old file');
  });

  it('models init and add leave a repository that can be tried again', () => {
    const repository = join(disk, 'repository');
    const init = run('models', 'init', repository);
    assert.equal(init.status, 0, init.stderr);
    const add = run('models', 'add', repository, model);
    assert.equal(add.status, 1, add.stderr);
    assert.match(add.stderr, /DISK_FULL/);
    assert.equal(run('models', 'verify', repository).status, 0, 'the published part is as it was');
  });
});
