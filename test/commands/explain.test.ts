import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { recordedEvidence } from '../runtime/select/recorded-evidence.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const octet = (...words: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, '../../cli.ts'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });

it('octet explain tells a record in words, and prints it with --json', async (t) => {
  const folder = await temporaryFolder(t);
  const evidence = recordedEvidence();
  await writeFile(join(folder, `${evidence.chosenSha256}.json`), JSON.stringify(evidence));
  const { status, stdout } = octet('explain', folder);
  assert.equal(status, 0);
  assert.match(stdout, /^The answer\n {2}static: twice as fast\./);
  assert.match(stdout, /Good enough, and beaten\n {2}(float32|dynamic): /);
  assert.deepEqual(JSON.parse(octet('explain', folder, '--json').stdout), evidence);
});

it('octet explain says what it wanted when it gets something else', async (t) => {
  const path = join(await temporaryFolder(t), 'x.json');
  await writeFile(path, '{"format":2}');
  const { status, stderr } = octet('explain', path);
  assert.equal(status, 2);
  assert.match(stderr, /EVIDENCE_INVALID.*createdMs/);
  assert.match(stderr, /→ Expected a record that octet select wrote/);
});
