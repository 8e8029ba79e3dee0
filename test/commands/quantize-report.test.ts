/** `octet quantize --report`, as a user starts it. What the page looks like is the report's own test. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { dataFolder, needsSharedData } from '../runtime/quantize/reference.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function quantize(...words: string[]) {
  return spawnSync(process.execPath, [programPath(), 'quantize', ...words], { encoding: 'utf8' });
}

test(
  'the page about the result is written beside it, latencies and recipe included',
  needsSharedData,
  async (context) => {
    const folder = await temporaryFolder(context);
    const [output, page] = [join(folder, 'int8.onnx'), join(folder, 'page.html')];
    const [model, data] = ['gestures/cnn1d.onnx', 'gestures/train.npz'].map((name) => join(dataFolder, name));
    const { status, stderr } = quantize(model!, '--data', data!, '--samples', '16', '-o', output, '--report', page);
    assert.equal(status, 0, stderr);
    const html = await readFile(page, 'utf8');
    assert.match(html, /<h1>int8\.onnx<\/h1>/);
    assert.match(html, /times as fast/);
    assert.match(html, /&quot;observer&quot;: &quot;min-max&quot;/);
  },
);

test('a report without data is refused before anything is written', needsSharedData, async (context) => {
  const output = join(await temporaryFolder(context), 'int8.onnx');
  const { status, stderr } = quantize(join(dataFolder, 'digits/lstm.onnx'), '-o', output, '--report', 'page.html');
  assert.equal(status, 2);
  assert.match(stderr, /--report: expected data/);
  assert.equal(existsSync(output), false);
});
