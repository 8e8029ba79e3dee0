import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataLocation as DataLocation,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { optimizeModel } from '../../../runtime/engine/optimize.ts';
import { profileModel } from '../../../runtime/engine/profile.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { encodeModel, saveModel } from '../../../runtime/graph/save.ts';
import { verifyGraph } from '../../../runtime/graph/verify.ts';
import { denseModel } from '../graph/example-models.ts';

/** y = Relu(BatchNorm(Conv(x, w))), w = raw + raw computed in the graph. */
function normalisedConvolution(): Uint8Array {
  const four = float32([2], [4, 4]);
  return encodeModel(
    modelOf(
      graphOf({
        inputs: [valueInfo('x', 'float32', [1, 1, 4, 4])],
        outputs: [valueInfo('y', 'float32', [1, 2, 3, 3])],
        initializers: {
          raw: float32([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
          scale: four,
          shift: four,
          mean: four,
          variance: four,
        },
        nodes: [
          node('Add', ['raw', 'raw'], ['w'], {}, 'double'),
          node('Conv', ['x', 'w'], ['c'], {}, 'conv'),
          node('BatchNormalization', ['c', 'scale', 'shift', 'mean', 'variance'], ['b'], {}, 'norm'),
          node('Relu', ['b'], ['y'], {}, 'activation'),
        ],
      }),
    ),
  );
}

/** The dense model with its weights in the file `location`. */
function externalModel(location: string): Uint8Array {
  const message = fromBinary(ModelProtoSchema, encodeModel(denseModel()));
  const externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: location })];
  const tensor = { name: 'w', dims: [3n, 2n], dataType: 1, dataLocation: DataLocation.EXTERNAL, externalData };
  if (message.graph) message.graph.initializer[0] = create(TensorProtoSchema, tensor);
  return toBinary(ModelProtoSchema, message);
}

describe("ONNX Runtime's optimiser", () => {
  let folder = '';
  const temporary = process.env.TMPDIR;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-optimise-test-'));
    process.env.TMPDIR = folder;
  });
  after(async () => {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    await rm(folder, { recursive: true });
  });

  it('at basic folds constants and batch normalisation, and stays standard ONNX', async () => {
    const { graph, ...rest } = await optimizeModel(normalisedConvolution(), 'basic');
    assert.deepEqual(
      graph.nodes.map(({ opType, domain }) => `${domain}:${opType}`),
      [':Conv', ':Relu'],
    );
    assert.deepEqual(verifyGraph({ ...rest, graph }), []);
  });

  it('at extended fuses the activation into the convolution', async () => {
    const { graph } = await optimizeModel(normalisedConvolution(), 'extended');
    assert.deepEqual(
      graph.nodes.map(({ opType }) => opType),
      ['FusedConv'],
    );
  });

  it('disabled leaves the graph as it is', async () => {
    const { graph } = await optimizeModel(normalisedConvolution(), 'disabled');
    assert.deepEqual(
      graph.nodes.map(({ name }) => name),
      ['double', 'conv', 'norm', 'activation'],
    );
  });

  it('takes a path, and says in the result where it came from', async () => {
    const path = join(folder, 'dense.onnx');
    await saveModel(denseModel(), path);
    assert.equal((await optimizeModel(path, 'basic')).origin, `${path} (optimised: basic)`);
    await rm(path);
  });

  it('finds the weights of a model that keeps them in a file beside it', async () => {
    const beside = await mkdtemp(join(folder, 'beside-'));
    await writeFile(join(beside, 'w.bin'), Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    await writeFile(join(beside, 'model.onnx'), externalModel('w.bin'));
    const optimized = await optimizeModel(join(beside, 'model.onnx'), 'basic');
    const session = await openSession(encodeModel(optimized));
    assert.deepEqual((await session.run({ x: float32([1, 3], [1, 1, 1]) })).y?.data, Float32Array.of(9.5, 0));
    await session.close();
    await rm(beside, { recursive: true });
  });

  it('refuses weights outside the folder of the model', async () => {
    const path = join(folder, 'outside.onnx');
    await writeFile(path, externalModel('../w.bin'));
    await assert.rejects(optimizeModel(path, 'basic'), {
      code: 'MODEL_INVALID',
      message: /w\.bin/,
      hint: /inside its folder/,
    });
    await rm(path);
  });

  it('leaves no file behind, not even after a failure', async () => {
    await optimizeModel(normalisedConvolution(), 'basic');
    await assert.rejects(optimizeModel(Uint8Array.of(1, 2, 3), 'basic'), { code: 'MODEL_INVALID' });
    await profileModel(normalisedConvolution(), { x: float32([1, 1, 4, 4], new Array(16).fill(1)) }, 1);
    assert.deepEqual(await readdir(folder), []);
  });
});
