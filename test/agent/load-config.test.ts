import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../agent/load-config.ts';
import { programPath } from '../../runtime/base/children.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const valid = {
  ...{ device: 'hub-1', dataFolder: 'data', broker: { url: 'mqtt://hub' } },
  repository: { url: 'http://hub/repository/', rootFile: '1.root.json' },
  slots: [{ slot: 'main', target: 'm', source: { kind: 'replay', recordings: ['walk'] } }],
};

describe('loadConfig', () => {
  it('fills in defaults and takes relative paths from where the file lies', async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, 'agent.json');
    await writeFile(path, JSON.stringify(valid));
    const config = await loadConfig(path);
    assert.equal(config.dataFolder, join(folder, 'data'));
    assert.equal(config.repository.rootFile, join(folder, '1.root.json'));
    assert.deepEqual(config.slots[0]?.source, {
      ...{ kind: 'replay', recordings: [join(folder, 'walk')], speed: 1, loop: true },
    });
    assert.equal(config.telemetry.systemIntervalMs, 10_000);
  });

  it('names every problem with its path, and says what to do', async (t) => {
    const path = join(await temporaryFolder(t), 'agent.json');
    await writeFile(
      path,
      JSON.stringify({ ...valid, device: 'no spaces', broker: { url: 'http://hub' }, colour: 'red' }),
    );
    await assert.rejects(loadConfig(path), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      for (const part of [/device: expected 1 to 64/, /broker\.url: expected mqtt:\/\/.*"http:\/\/hub"/, /colour/])
        assert.match(error.message, part);
      assert.match(error.hint, new RegExp(`Edit ${path}, then`));
      return true;
    });
  });

  it('tells a missing file from one that is not JSON', async (t) => {
    const path = join(await temporaryFolder(t), 'agent.json');
    await assert.rejects(loadConfig(path), { code: 'FILE_NOT_FOUND' });
    await writeFile(path, '{ device: 1 }');
    await assert.rejects(loadConfig(path), { code: 'CONFIG_INVALID' });
  });
});

describe('octet agent', () => {
  it('ends with exit code 2 for a bad configuration and writes nothing to stdout', async (t) => {
    const path = join(await temporaryFolder(t), 'agent.json');
    await writeFile(path, JSON.stringify({ ...valid, slots: [] }));
    const { status, stdout, stderr } = spawnSync(process.execPath, [programPath(), 'agent', '--config', path], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /CONFIG_INVALID.*slots/);
  });
});
