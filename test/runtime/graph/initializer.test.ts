import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { float, floats, int, ints, string, tensor } from '../../../runtime/graph/attributes.ts';
import { float32, graphOf, node, valueInfo } from '../../../runtime/graph/build.ts';
import { constantTensor, constantValue, readTensor, storeTensor } from '../../../runtime/graph/initializer.ts';
import { storedFromMessage } from '../../../runtime/graph/messages.ts';
import { type ElementType, elementTypes, type Tensor } from '../../../runtime/graph/tensor.ts';

const allTypes = Object.keys(elementTypes) as ElementType[];

describe('a stored tensor', () => {
  for (const type of allTypes) {
    it(`gives back the ${type} values it was made from`, () => {
      const { array } = elementTypes[type];
      const data = new array(3);
      data.set((data instanceof BigInt64Array || data instanceof BigUint64Array ? [0n, 1n, 7n] : [0, 1, 7]) as never);
      const original = { type, dims: [3, 1], data } as Tensor;
      assert.deepEqual(readTensor(storeTensor('t', original)), original);
    });
  }

  it('reads values from typed lists', () => {
    const lists: readonly (readonly [ElementType, MessageInitShape<typeof TensorProtoSchema>, Tensor['data']])[] = [
      ['float32', { floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
      ['float64', { doubleData: [1.5, -2] }, Float64Array.of(1.5, -2)],
      ['int64', { int64Data: [1n, -2n] }, BigInt64Array.of(1n, -2n)],
      ['uint64', { uint64Data: [1n, 2n] }, BigUint64Array.of(1n, 2n)],
      ['uint32', { uint64Data: [1n, 4294967295n] }, Uint32Array.of(1, 4294967295)],
      ['int8', { int32Data: [1, -2] }, Int8Array.of(1, -2)],
      ['bool', { int32Data: [1, 0] }, Uint8Array.of(1, 0)],
      ['float16', { int32Data: [0x3c00, 0x4000] }, Uint16Array.of(0x3c00, 0x4000)],
    ];
    for (const [type, list, expected] of lists) {
      const source = create(TensorProtoSchema, { dims: [2n], dataType: elementTypes[type].onnx, ...list });
      assert.deepEqual(readTensor(storedFromMessage(source, undefined)).data, expected, type);
    }
  });

  it('is a view where the bytes are aligned and a copy where they are not', () => {
    const bytes = new Uint8Array(Float32Array.of(0, 1, 2).buffer);
    const stored = (rawData: Uint8Array<ArrayBuffer>) =>
      storedFromMessage(create(TensorProtoSchema, { dims: [1n], dataType: 1, rawData }), undefined);
    assert.equal(readTensor(stored(bytes.subarray(4, 8))).data.buffer, bytes.buffer);
    const shifted = new Uint8Array(13);
    shifted.set(bytes, 1);
    const { data } = readTensor(stored(shifted.subarray(9, 13)));
    assert.notEqual(data.buffer, shifted.buffer);
    assert.deepEqual(data, Float32Array.of(2));
  });

  it('refuses fewer or more values than its dims say', () => {
    const source = create(TensorProtoSchema, { name: 't', dims: [2n, 2n], dataType: 1, floatData: [1, 2, 3] });
    assert.throws(() => readTensor(storedFromMessage(source, undefined)), {
      code: 'MODEL_INVALID',
      message: /"t": expected 4 values for dims \[2,2\], got 3/,
    });
  });

  it('of a type outside the table says so', () => {
    const source = create(TensorProtoSchema, { name: 't', dims: [1n], dataType: 16, rawData: Uint8Array.of(1, 2) });
    assert.throws(() => readTensor(storedFromMessage(source, undefined)), {
      code: 'MODEL_UNSUPPORTED',
      message: /got ONNX data type 16/,
    });
  });
});

describe('a Constant node', () => {
  const made = (attributes: Parameters<typeof node>[3]) => {
    const value = constantValue(node('Constant', [], ['c'], attributes));
    return value && { name: value.name, ...readTensor(value) };
  };

  it('gives its value whichever attribute states it', () => {
    const pair = float32([2], [1, 2]);
    assert.deepEqual(made({ value: tensor(storeTensor('', pair)) }), { name: 'c', ...pair });
    assert.deepEqual(made({ value_float: float(0.5) }), { name: 'c', ...float32([], [0.5]) });
    assert.deepEqual(made({ value_floats: floats([1, 2]) }), { name: 'c', ...pair });
    assert.deepEqual(made({ value_int: int(-3) })?.data, BigInt64Array.of(-3n));
    assert.deepEqual(made({ value_ints: ints([1, 2, 3]) })?.dims, [3]);
  });

  it('of text gives nothing', () => {
    assert.equal(made({ value_string: string('text') }), undefined);
  });
});

describe('a constant of a graph', () => {
  const graph = graphOf({
    inputs: [valueInfo('x', 'float32', [1]), valueInfo('default', 'float32', [1])],
    outputs: [],
    initializers: { w: float32([1], [1]), default: float32([1], [2]) },
    nodes: [node('Constant', [], ['c'], { value_float: float(3) }), node('Add', ['x', 'w'], ['y'])],
  });

  it('is an initializer or a Constant node', () => {
    assert.deepEqual(constantTensor(graph, 'w')?.data, Float32Array.of(1));
    assert.deepEqual(constantTensor(graph, 'c')?.data, Float32Array.of(3));
  });

  it('is neither an input with a default nor a computed value', () => {
    assert.equal(constantTensor(graph, 'default'), undefined);
    assert.equal(constantTensor(graph, 'y'), undefined);
    assert.equal(constantTensor(graph, 'x'), undefined);
  });
});
