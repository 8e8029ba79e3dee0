import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { OctetError } from '../../../runtime/base/errors.ts';
import { loadModel, parseModel } from '../../../runtime/graph/load.ts';
import { opsetVersion } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { verifyGraph } from '../../../runtime/graph/verify.ts';
import { branchingModel, constantModel, denseModel } from './example-models.ts';

describe('loading a model', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-load-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('names the file that is not there', async () => {
    const path = join(folder, 'absent.onnx');
    await assert.rejects(loadModel(path), { code: 'FILE_NOT_FOUND', message: new RegExp(path), hint: /ls -l/ });
  });

  it('refuses a folder', async () => {
    await assert.rejects(loadModel(folder), { code: 'FILE_UNREADABLE', message: /got a folder/ });
  });

  it('refuses an empty file', async () => {
    const path = join(folder, 'empty.onnx');
    await writeFile(path, '');
    await assert.rejects(loadModel(path), { code: 'MODEL_INVALID', message: /empty\.onnx.*an empty file/ });
  });

  it('gives the weights as views of the bytes it read', () => {
    const bytes = encodeModel(denseModel());
    const weights = parseModel(bytes).graph.initializers.get('w')?.source.rawData;
    assert.equal(weights?.buffer, bytes.buffer);
    assert.equal(weights?.byteLength, 24);
  });

  const foreign: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] = [
    ['a PNG picture', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), /got a PNG picture/],
    ['text', Buffer.from('hello, I am a model\n'), /got text: "hello, I am a model/],
    ['JSON', Buffer.from('{"model": "onnx"}'), /got text: "\{/],
    ['an archive', Buffer.from('PK\x03\x04\x14\0\0\0\0\0', 'latin1'), /got a ZIP archive/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS pointer/],
    ['a TensorFlow Lite model', Buffer.from('\x1c\0\0\0TFL3\x14\0', 'latin1'), /TensorFlow Lite/],
    ['zeros', new Uint8Array(64), /field number 0/],
    ['protobuf without a graph', Uint8Array.of(0x08, 0x08), /without a graph/],
    ['protobuf without a version', Uint8Array.of(0x12, 0x00), /without an ir_version/],
  ];
  for (const [name, bytes, says] of foreign) {
    it(`says that ${name} is not a model, and what to do`, () => {
      assert.throws(() => parseModel(bytes), { code: 'MODEL_INVALID', message: says, hint: /Export the model again/ });
    });
  }

  it('refuses a model cut anywhere, in the middle of its weights too', () => {
    const bytes = encodeModel(denseModel());
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => parseModel(bytes.subarray(0, length)), { code: 'MODEL_INVALID' }, `cut to ${length} bytes`);
  });

  it('says where the damage is', () => {
    const bytes = encodeModel(denseModel());
    const cut = Buffer.from(bytes).indexOf(Buffer.from(Float32Array.of(1, 2, 3).buffer)) + 5;
    assert.throws(() => parseModel(bytes.subarray(0, cut)), {
      message: /announced but only \d+ left at byte \d+ in graph/,
    });
  });

  it('refuses two initializers of one name', () => {
    const message = fromBinary(ModelProtoSchema, encodeModel(denseModel()));
    message.graph?.initializer.push(create(TensorProtoSchema, { name: 'w', dataType: 1 }));
    assert.throws(() => parseModel(toBinary(ModelProtoSchema, message)), {
      code: 'MODEL_INVALID',
      message: /graph "dense": initializers: expected unique names, got "w" twice/,
    });
  });

  for (let opset = 7; opset <= 24; opset++) {
    it(`reads opset ${opset}`, () => {
      const model = parseModel(encodeModel(denseModel(opset)));
      assert.equal(opsetVersion(model), opset);
      assert.deepEqual(verifyGraph(model), []);
    });
  }

  it('reads ai.onnx and the empty domain as the same', () => {
    const model = parseModel(encodeModel({ ...denseModel(), opsets: new Map([['ai.onnx', 13]]) }));
    assert.equal(opsetVersion(model), 13);
  });

  it('gives a model or an OctetError for damaged bytes, never anything else', () => {
    const originals = [denseModel(), branchingModel(), constantModel()].map((model) => encodeModel(model));
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(mutation(), { minLength: 1, maxLength: 4 }),
        (start, steps) => {
          const bytes = steps.reduce((current, mutate) => mutate(current), start);
          try {
            const model = parseModel(bytes);
            verifyGraph(model);
            // What was accepted can be written, and is then the same model.
            const saved = encodeModel(model, { external: 'keep' });
            assert.deepEqual(encodeModel(parseModel(saved), { external: 'keep' }), saved);
          } catch (error) {
            assert.ok(error instanceof OctetError, error instanceof Error ? error.stack : String(error));
            assert.equal(error.code, 'MODEL_INVALID');
          }
        },
      ),
      { numRuns: 600, seed: 20_261_123 },
    );
  });
});

type Mutate = (bytes: Uint8Array) => Uint8Array;

/** Cut off the end, flip a bit, or copy a stretch to another place. Positions are fractions of the length. */
function mutation(): fc.Arbitrary<Mutate> {
  const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const cut = place.map(
    (end): Mutate =>
      (bytes) =>
        bytes.slice(0, Math.floor(end * bytes.length)),
  );
  const flip = fc.tuple(place, fc.nat(7)).map(
    ([at, bit]): Mutate =>
      (bytes) => {
        const index = Math.floor(at * bytes.length);
        return bytes.map((byte, position) => (position === index ? byte ^ (1 << bit) : byte));
      },
  );
  const splice = fc.tuple(place, place, fc.nat(16)).map(
    ([from, to, length]): Mutate =>
      (bytes) => {
        const [start, target] = [Math.floor(from * bytes.length), Math.floor(to * bytes.length)];
        return Uint8Array.from([
          ...bytes.subarray(0, target),
          ...bytes.subarray(start, start + length),
          ...bytes.subarray(target),
        ]);
      },
  );
  return fc.oneof(cut, flip, splice);
}
