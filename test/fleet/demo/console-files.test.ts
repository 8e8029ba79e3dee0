import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { prepareConsole } from '../../../fleet/demo/console-files.ts';
import { programRoot } from '../../../runtime/base/files.ts';

describe("the console's files", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'octet-build-'));
    const schemas = ['runtime/measure/bench-report.ts', 'runtime/measure/bench-messages.ts'];
    for (const part of ['fleet/console', 'agent/protocol', ...schemas, 'tsconfig.json', 'package.json'])
      await cp(join(programRoot(), part), join(root, part), { recursive: true });
    await symlink(join(programRoot(), 'node_modules'), join(root, 'node_modules'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('are built when there are none, and then left alone', async () => {
    const built = await prepareConsole(root);
    const { ino } = await stat(built);
    await prepareConsole(root);
    assert.equal((await stat(built)).ino, ino);
    assert.match(await readFile(join(built, 'index.html'), 'utf8'), /<script type="module"/);
  });

  it('name nothing that another host would have to serve', async () => {
    const page = await readFile(join(await prepareConsole(root), 'index.html'), 'utf8');
    assert.deepEqual(page.match(/(?:src|href)="(?!\.\/)[^"]*"/g), null);
  });

  it('are built again when a source has changed', async () => {
    const built = await prepareConsole(root);
    await writeFile(join(root, 'fleet/console/style/colors.css'), ':root { --ground: #123456; }');
    const { ino } = await stat(built);
    await prepareConsole(root);
    assert.notEqual((await stat(built)).ino, ino);
  });

  it('of a published package are used as they are', async () => {
    await prepareConsole(root);
    await rm(join(root, 'fleet'), { recursive: true });
    assert.equal(await prepareConsole(root), join(root, 'dist', 'console'));
  });

  it('that are neither there nor to be built are an error', async () => {
    await rm(join(root, 'fleet'), { recursive: true });
    await assert.rejects(prepareConsole(root), { code: 'FILE_NOT_FOUND' });
  });
});
