import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { engineVersion, openSession, type Session } from '../../../runtime/engine/session.ts';
import { ints } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, modelOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { encodeModel, saveModel } from '../../../runtime/graph/save.ts';
import { type ElementType, elementTypes, type Tensor } from '../../../runtime/graph/tensor.ts';
import { branchingModel, denseModel } from '../graph/example-models.ts';

function identity(type: ElementType): Model {
  return modelOf(
    graphOf({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: [valueInfo('x', type, [null, 2])],
      outputs: [valueInfo('y', type, [null, 2])],
    }),
  );
}

describe('a session', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-session-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('states its inputs and outputs, sizes by name where they are open', async () => {
    const session = await openSession(encodeModel(denseModel()));
    assert.deepEqual(session.inputs, [{ name: 'x', type: 'float32', dims: ['batch', 3] }]);
    assert.deepEqual(session.outputs, [{ name: 'y', type: 'float32', dims: ['batch', 2] }]);
    await session.close();
  });

  it('runs a model from a path and from bytes alike', async () => {
    const path = join(folder, 'dense.onnx');
    await saveModel(denseModel(), path);
    for (const source of [path, encodeModel(denseModel())]) {
      const session = await openSession(source);
      const { y } = await session.run({ x: float32([1, 3], [1, 1, 1]) });
      assert.deepEqual(y, float32([1, 2], [9.5, 0]));
      await session.close();
    }
  });

  it('does not need the bytes any more once it is open', async () => {
    const bytes = encodeModel(denseModel());
    const session = await openSession(bytes);
    bytes.fill(0);
    assert.deepEqual((await session.run({ x: float32([1, 3], [1, 1, 1]) })).y?.data, Float32Array.of(9.5, 0));
    await session.close();
  });

  it('writes outputs into tensors that it is given', async () => {
    const session = await openSession(encodeModel(denseModel()));
    const y = float32([1, 2], [0, 0]);
    await session.run({ x: float32([1, 3], [1, 1, 1]) }, ['y'], { y });
    assert.deepEqual(y.data, Float32Array.of(9.5, 0));
    await assert.rejects(session.run({ x: float32([1, 3], [1, 1, 1]) }, ['y'], { y: float32([1, 3], [0, 0, 0]) }), {
      code: 'ENGINE_FAILED',
    });
    await session.close();
  });

  it('gives only the outputs it was asked for', async () => {
    const { graph, ...rest } = denseModel();
    const outputs = [...graph.outputs, valueInfo('sum', 'float32', ['batch', 2])];
    const session = await openSession(encodeModel({ ...rest, graph: { ...graph, outputs } }));
    const feeds = { x: float32([1, 3], [1, 1, 1]) };
    assert.deepEqual(Object.keys(await session.run(feeds, ['sum'])), ['sum']);
    assert.deepEqual(Object.keys(await session.run(feeds)), ['y', 'sum']);
    await session.close();
  });

  it('computes the same for a model of any opset from 7 to 24', async () => {
    for (let opset = 7; opset <= 24; opset++) {
      const session = await openSession(encodeModel(denseModel(opset)));
      const { y } = await session.run({ x: float32([1, 3], [1, 1, 1]) });
      assert.deepEqual(y?.data, Float32Array.of(9.5, 0), `opset ${opset}`);
      await session.close();
    }
  });

  for (const type of Object.keys(elementTypes) as ElementType[]) {
    it(`passes ${type} in and out unchanged`, async () => {
      const data = new elementTypes[type].array(4);
      const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
      data.set((isBig ? [0n, 1n, 7n, 100n] : [0, 1, 1, type === 'bool' ? 0 : 100]) as never);
      const x = { type, dims: [2, 2], data } as Tensor;
      const session = await openSession(encodeModel(identity(type)));
      assert.deepEqual((await session.run({ x })).y, x);
      await session.close();
    });
  }

  it('takes tensors that are views into larger memory', async () => {
    const memory = Float32Array.of(7, 1, 2, 3, 7);
    const session = await openSession(encodeModel(denseModel()), { level: 'disabled' });
    const { y } = await session.run({ x: { type: 'float32', dims: [1, 3], data: memory.subarray(1, 4) } });
    assert.deepEqual(y?.data, Float32Array.of(22.5, 8));
    await session.close();
  });

  it('runs both branches of an If', async () => {
    const session = await openSession(encodeModel(branchingModel()));
    assert.deepEqual((await session.run({ x: float32([2], [1, 2]) })).y?.data, Float32Array.of(2, 4));
    assert.deepEqual((await session.run({ x: float32([2], [-1, -2]) })).y?.data, Float32Array.of(-11, -22));
    await session.close();
  });

  it('hands further settings to ONNX Runtime', async () => {
    const config = { 'session.load_model_format': 'ORT' };
    await assert.rejects(openSession(encodeModel(denseModel()), { config }), /ORT model verification failed/);
  });

  it('writes the optimised graph where it is told', async () => {
    const optimizedPath = join(folder, 'optimised.onnx');
    const options = {
      level: 'basic',
      threads: 2,
      spinning: true,
      arena: false,
      memoryPattern: false,
      optimizedPath,
    } as const;
    const session = await openSession(encodeModel(denseModel()), options);
    assert.ok((await stat(optimizedPath)).size > 0);
    await session.close();
  });

  it('has a version', () => {
    assert.match(engineVersion, /^1\.\d+\.\d+/);
  });

  it('leaves no device id, cache or log of the runtime on the disk: nothing is there to be reported', async () => {
    const home = join(folder, 'home');
    await mkdir(home);
    const program = `
      import { openSession } from ${JSON.stringify(join(import.meta.dirname, '../../../runtime/engine/session.ts'))};
      const bytes = Buffer.from('${Buffer.from(encodeModel(denseModel())).toString('base64')}', 'base64');
      await (await openSession(bytes)).close();
    `;
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home };
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { env });
    assert.equal(status, 0, String(stderr));
    assert.deepEqual(await readdir(home), []);
  });

  it('prints nothing on stdout, whatever goes wrong', () => {
    const program = `
      import { openSession } from ${JSON.stringify(join(import.meta.dirname, '../../../runtime/engine/session.ts'))};
      await openSession(new Uint8Array([1, 2, 3])).catch(() => {});
      const bytes = Buffer.from('${Buffer.from(encodeModel(denseModel())).toString('base64')}', 'base64');
      const session = await openSession(bytes, { threads: 2 });
      await session.run({ x: { type: 'float32', dims: [1, 4], data: new Float32Array(4) } }).catch(() => {});
    `;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
});

describe('what ONNX Runtime refuses', () => {
  const { graph, ...rest } = denseModel();
  const withNodes = (nodes: Model['graph']['nodes']) => encodeModel({ ...rest, graph: { ...graph, nodes } });

  const refused: readonly (readonly [what: string, bytes: Uint8Array, code: string, says: RegExp])[] = [
    ['bytes that are no model', Uint8Array.of(1, 2, 3), 'MODEL_INVALID', /protobuf parsing failed/],
    ['an opset from the future', encodeModel(denseModel(99)), 'MODEL_UNSUPPORTED', /Opset 99/],
    [
      'a file format from the future',
      encodeModel({ ...denseModel(), irVersion: 99 }),
      'MODEL_UNSUPPORTED',
      /IR version: 99/,
    ],
    ['an operator that does not exist', withNodes([node('Frob', ['x'], ['y'])]), 'MODEL_UNSUPPORTED', /Frob/],
    ['an input that nothing makes', withNodes([node('Relu', ['ghost'], ['y'])]), 'MODEL_INVALID', /ghost/],
    [
      'operators that disagree about types',
      withNodes([node('Reshape', ['x', 'c'], ['y'], { shape: ints([1]) })]),
      'MODEL_INVALID',
      /Reshape/,
    ],
  ];
  for (const [what, bytes, code, says] of refused) {
    it(`becomes our error: ${what}`, async () => {
      await assert.rejects(openSession(bytes), { code, message: says, hint: /./ });
    });
  }

  it('becomes our error: a path without a file', async () => {
    await assert.rejects(openSession('/nowhere/model.onnx'), { code: 'FILE_NOT_FOUND', message: /nowhere/ });
  });

  it('becomes our error: a shape that fails when running', async () => {
    const session: Session = await openSession(encodeModel(denseModel()));
    await assert.rejects(session.run({ x: float32([1, 4], [1, 1, 1, 1]) }), {
      code: 'ENGINE_FAILED',
      message: /running a model of \d+ bytes: .*Got: 4 Expected: 3/,
    });
    await session.close();
  });

  it('keeps the cause', async () => {
    const broken = join(await mkdtemp(join(tmpdir(), 'octet-broken-')), 'broken.onnx');
    await writeFile(broken, 'broken');
    const error: unknown = await openSession(broken).catch((cause) => cause);
    assert.ok(error instanceof Error && error.cause instanceof Error);
    await rm(join(broken, '..'), { recursive: true });
  });
});
