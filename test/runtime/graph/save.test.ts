import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataLocation as DataLocation,
  type ModelProto,
  ModelProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { sha256OfFile } from '../../../runtime/base/files.ts';
import { int } from '../../../runtime/graph/attributes.ts';
import { graphOf, modelOf, valueInfo } from '../../../runtime/graph/build.ts';
import { readTensor } from '../../../runtime/graph/initializer.ts';
import { loadModel, parseModel } from '../../../runtime/graph/load.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { encodeModel, saveModel } from '../../../runtime/graph/save.ts';
import { branchingModel, denseModel } from './example-models.ts';

/** The dense model's message, changed. */
function messageWith(change: (message: ModelProto) => void): Uint8Array<ArrayBuffer> {
  const message = fromBinary(ModelProtoSchema, encodeModel(denseModel()));
  change(message);
  return toBinary(ModelProtoSchema, message);
}

describe('saving a model', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-save-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('states the digest and size of the file it wrote', async () => {
    const path = join(folder, 'dense.onnx');
    const { sha256, sizeBytes } = await saveModel(denseModel(), path);
    assert.equal(sha256, await sha256OfFile(path));
    assert.equal(sizeBytes, (await readFile(path)).length);
  });

  it('gives the same bytes for the same model', () => {
    assert.deepEqual(encodeModel(branchingModel()), encodeModel(branchingModel()));
  });

  it('keeps unknown fields of model, graph and node, even when the node changes', () => {
    const unknown = (no: number) => [{ no, wireType: 2, data: Uint8Array.of(3, 1, 2, no) }];
    const bytes = messageWith((message) => {
      message.$unknown = unknown(99);
      if (!message.graph?.node[0]) throw new Error('the dense model has nodes');
      message.graph.$unknown = unknown(98);
      message.graph.node[0].$unknown = unknown(97);
    });
    const model = parseModel(bytes);
    assert.deepEqual(encodeModel(model), bytes);
    const [first, ...others] = model.graph.nodes;
    assert.ok(first);
    const nodes = [{ ...first, attributes: new Map([['extra', int(1)]]) }, ...others];
    const changed = fromBinary(ModelProtoSchema, encodeModel({ ...model, graph: { ...model.graph, nodes } }));
    assert.deepEqual(changed.$unknown, unknown(99));
    assert.deepEqual(changed.graph?.$unknown, unknown(98));
    assert.deepEqual(changed.graph?.node[0]?.$unknown, unknown(97));
    assert.equal(changed.graph?.node[0]?.attribute[0]?.i, 1n);
  });

  it('keeps doc strings, metadata, functions, training info and sparse initializers', () => {
    const bytes = messageWith((message) => {
      const { graph } = message;
      if (!graph) throw new Error('the dense model has a graph');
      message.docString = 'what it is';
      message.metadataProps = [{ $typeName: 'onnx.StringStringEntryProto', key: 'licence', value: 'none' }];
      message.trainingInfo = [
        { $typeName: 'onnx.TrainingInfoProto', algorithm: graph, initializationBinding: [], updateBinding: [] },
      ];
      graph.docString = 'of the graph';
      graph.sparseInitializer = [
        {
          $typeName: 'onnx.SparseTensorProto',
          values: create(TensorProtoSchema, { name: 'sparse', dims: [1n], dataType: 1, floatData: [2] }),
          indices: create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [1n] }),
          dims: [4n],
        },
      ];
    });
    assert.deepEqual(encodeModel(parseModel(bytes)), bytes);
  });

  it('writes a changed shape, type and name of an input', () => {
    const model = parseModel(encodeModel(denseModel()));
    const inputs = [valueInfo('x', 'float64', [1, null, 'n'])];
    const [input] = parseModel(encodeModel({ ...model, graph: { ...model.graph, inputs } })).graph.inputs;
    assert.deepEqual([input?.type, input?.dims], ['float64', [1, null, 'n']]);
  });

  it('writes a shape changed by spreading the record that was read', () => {
    const model = parseModel(encodeModel(denseModel()));
    const inputs = model.graph.inputs.map((input) => ({ ...input, dims: [8, 3] }));
    const [input] = parseModel(encodeModel({ ...model, graph: { ...model.graph, inputs } })).graph.inputs;
    assert.deepEqual(input?.dims, [8, 3]);
  });

  describe('with external data', () => {
    const values = Float32Array.of(9, 8, 7, 6, 5, 4);

    async function externalModel(name: string, entries: Record<string, string>): Promise<string> {
      const path = join(folder, name, 'model.onnx');
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, 'weights.bin'), Buffer.concat([Buffer.alloc(16), Buffer.from(values.buffer)]));
      await writeFile(path, externalBytes(entries));
      return path;
    }

    function externalBytes(entries: Record<string, string>): Uint8Array {
      return messageWith((message) => {
        const externalData = Object.entries(entries).map(([key, value]) => ({
          $typeName: 'onnx.StringStringEntryProto' as const,
          key,
          value,
        }));
        const tensor = { name: 'w', dims: [3n, 2n], dataType: 1, dataLocation: DataLocation.EXTERNAL, externalData };
        if (message.graph) message.graph.initializer[0] = create(TensorProtoSchema, tensor);
      });
    }

    const whole = { location: 'weights.bin', offset: '16', length: '24' };
    const weights = (model: Model) => readTensor(model.graph.initializers.get('w') ?? assert.fail('no w'));

    it('reads it from beside the model, when asked', async () => {
      assert.deepEqual(weights(await loadModel(await externalModel('read', whole))).data, values);
    });

    it('does not need it to load the model', async () => {
      const path = await externalModel('lazy', whole);
      await rm(join(folder, 'lazy', 'weights.bin'));
      const model = await loadModel(path);
      assert.throws(() => weights(model), { code: 'FILE_NOT_FOUND', message: /weights\.bin/ });
    });

    it('keeps the reference when saved beside it, and embeds it anywhere else', async () => {
      const model = await loadModel(await externalModel('move', whole));
      await saveModel(model, join(folder, 'move', 'beside.onnx'));
      assert.deepEqual(await readFile(join(folder, 'move', 'beside.onnx')), Buffer.from(externalBytes(whole)));
      await saveModel(model, join(folder, 'elsewhere', 'moved.onnx'));
      assert.deepEqual(weights(await loadModel(join(folder, 'elsewhere', 'moved.onnx'))).data, values);
    });

    it('refuses a path that leaves the folder of the model', async () => {
      for (const location of ['../read/weights.bin', '/etc/hostname', 'sub/../../read/weights.bin', '']) {
        const model = await loadModel(await externalModel('leave', { ...whole, location }));
        assert.throws(() => weights(model), { code: 'MODEL_INVALID', message: /inside/ }, location);
      }
    });

    it('refuses a symbolic link that leaves the folder of the model', async () => {
      const model = await loadModel(await externalModel('link', { ...whole, location: 'link.bin' }));
      await symlink('/etc/hostname', join(folder, 'link', 'link.bin'));
      assert.throws(() => weights(model), { code: 'MODEL_INVALID', message: /inside/ });
    });

    it('refuses a range outside the file, and one that is no number', async () => {
      const beyond = await loadModel(await externalModel('beyond', { ...whole, length: '48' }));
      assert.throws(() => weights(beyond), { code: 'MODEL_INVALID', message: /a file of 40 bytes/, hint: /copy/ });
      const negative = await loadModel(await externalModel('negative', { ...whole, offset: '-1' }));
      assert.throws(() => weights(negative), { code: 'MODEL_INVALID', message: /got "-1"/ });
    });

    it('asks for the path when only the bytes are known', () => {
      assert.throws(() => weights(parseModel(externalBytes(whole))), { code: 'MODEL_INVALID', hint: /by its path/ });
    });
  });

  it('writes an empty graph', () => {
    const empty = modelOf(graphOf({ nodes: [], outputs: [] }));
    assert.deepEqual(parseModel(encodeModel(empty)).graph.nodes, []);
  });
});
