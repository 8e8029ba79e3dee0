/** Every command that takes a model says the same about a file that is none. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const model = readFileSync(join(import.meta.dirname, '../../models/bundled/watch-exercise/model.onnx'));

const files: readonly (readonly [what: string, bytes: Uint8Array, got: RegExp])[] = [
  ['an empty file', new Uint8Array(0), /an empty file/],
  ['a picture', Buffer.from('\x89PNG\r\n\x1a\n0000000000', 'latin1'), /a PNG picture/],
  ['a text', Buffer.from('Dear model, how are you?\n'), /text: "Dear model/],
  ['a model cut short', model.subarray(0, model.length >> 1), /bytes announced but only \d+ left/],
];

/** What stands after the model's path. */
const commands: readonly (readonly [name: string, words: (folder: string) => readonly string[]])[] = [
  ['inspect', () => []],
  ['bench', () => ['--duration', '100ms']],
  ['quantize', (folder) => ['--recipe', 'dynamic', '-o', join(folder, 'out.onnx')]],
  ['select', (folder) => ['--data', folder, '-o', join(folder, 'out')]],
];

async function ask(
  context: TestContext,
  name: string,
  words: (folder: string) => readonly string[],
  bytes: Uint8Array,
) {
  const folder = await temporaryFolder(context);
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  const asked = [programPath(), name, path, ...words(folder)];
  const { status, stderr } = spawnSync(process.execPath, asked, {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status, path, said: stderr };
}

for (const [what, bytes, got] of files)
  for (const [name, words] of commands)
    test(`octet ${name} says that ${what} is no model, and what it is`, async (context) => {
      const { status, path, said } = await ask(context, name, words, bytes);
      assert.equal(status, 2, said);
      assert.ok(said.includes(`MODEL_INVALID  ${path}: expected an ONNX model, got `), said);
      assert.match(said, got);
      assert.match(said, /→ Export the model again/);
      assert.doesNotMatch(said, /octet inspect/);
    });
