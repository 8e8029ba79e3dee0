import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

describe('the start of a process', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'octet-start-'));
    copyFileSync(join(import.meta.dirname, '../../start.js'), join(folder, 'start.js'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'cli.ts'), 'const words: string[] = process.argv.slice(2); console.log(words.join());');
  });
  after(() => rmSync(folder, { recursive: true }));

  function start() {
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    return spawnSync(process.execPath, [join(folder, 'start.js'), 'probe'], { env, encoding: 'utf8' });
  }

  it('keeps the compiled program for the next one', () => {
    const { status, stdout } = start();
    assert.deepEqual([status, stdout], [0, 'probe\n']);
    const kept = readdirSync(join(folder, 'node_modules/.cache/octet'), { recursive: true, withFileTypes: true });
    assert.ok(kept.some((entry) => entry.isFile()));
  });

  it('runs where nothing can be kept', () => {
    rmSync(join(folder, 'node_modules'), { recursive: true });
    // Not a folder, so that not even root can write into it.
    writeFileSync(join(folder, 'node_modules'), '');
    const { status, stdout } = start();
    rmSync(join(folder, 'node_modules'));
    assert.deepEqual([status, stdout], [0, 'probe\n']);
  });
});
