/** What `octet select` and `octet quantize` say about an .npz that is not for the model: expected, got, what to do, exit code 2. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { node } from '../../runtime/graph/build.ts';
import { saveModel } from '../../runtime/graph/save.ts';
import { float32Npy, int64Npy, npyBytes, zipBytes } from '../runtime/data/npz-writer.ts';
import { conv, modelFrom, noise } from '../runtime/quantize/small-models.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const samples = 20;
const shape = [samples, 4, 8, 8];
const size = samples * 4 * 8 * 8;
const fitting = float32Npy(shape, new Float32Array(size));
const float64 = npyBytes({ descr: '<f8', shape }, new Float64Array(size));

const files: readonly (readonly [
  what: string,
  arrays: Readonly<Record<string, Buffer>>,
  code: string,
  says: RegExp,
])[] = [
  [
    'no array of the input’s name',
    { 'a.npy': fitting, 'b.npy': fitting },
    'DATA_MISMATCH',
    /expected x: float32 \[\?, 4, 8, 8\] per sample, got no such array \(there are: a, b\)/,
  ],
  [
    'another shape',
    { 'x.npy': float32Npy([samples, 4, 8, 9], new Float32Array(samples * 4 * 8 * 9)) },
    'DATA_MISMATCH',
    /expected x: float32 \[\?, 4, 8, 8\] per sample, got float32 \[20, 4, 8, 9\]/,
  ],
  ['another type', { 'x.npy': float64 }, 'DATA_MISMATCH', /expected x: float32 .*, got float64 \[20, 4, 8, 8\]/],
  [
    'too few labels',
    { 'x.npy': fitting, 'y.npy': int64Npy([1, 2, 3]) },
    'DATA_MISMATCH',
    /y: expected 20 integer class indices, got int64 \[3\]/,
  ],
  [
    'less data than it announces',
    { 'x.npy': float32Npy(shape, new Float32Array(25)) },
    'DATA_INVALID',
    /x\.npy: expected 20480 bytes of data for float32 \[20, 4, 8, 8\], got 100/,
  ],
];

for (const [what, arrays, code, says] of files)
  for (const command of ['select', 'quantize'])
    test(`octet ${command} refuses data with ${what}, and says what to do`, async (context) => {
      const folder = await temporaryFolder(context);
      const [model, data, out] = ['model.onnx', 'data.npz', 'out.onnx'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const nodes = [conv('x', 'a'), node('Relu', ['a'], ['y'], {}, 'relu')];
      await saveModel(modelFrom(nodes, ['n', 4, 8, 8], { w: noise([4, 4, 3, 3]) }), model);
      writeFileSync(data, zipBytes(arrays));
      const { status, stderr } = spawnSync(
        process.execPath,
        [programPath(), command, model, '--data', data, '-o', out],
        { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
      );
      assert.equal(status, 2, stderr);
      assert.ok(stderr.includes(`${code}  ${data}: `), stderr);
      assert.match(stderr, says);
      assert.match(stderr, /^→ ./m);
    });
