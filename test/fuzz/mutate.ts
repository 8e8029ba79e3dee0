/** Damage to ONNX files, the same for the same seed: to the bytes, and to what the bytes mean. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type GraphProto, ModelProtoSchema } from 'onnx-buf';

/** Whole numbers below `count`, the same every time. Source: Marsaglia 2003, xorshift32. */
export type Random = (count: number) => number;

export function randomFrom(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let i = 0; i < 8; i++) next();
  return (count) => next() % count;
}

/** One to four changes. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = bytes;
  // Mostly one change: more than that and few files get past the reader.
  for (let left = random(3) === 0 ? 1 + random(4) : 1; left > 0; left--)
    changed =
      random(5) === 0 ? byteMutations[random(byteMutations.length)]!(changed, random) : inMeaning(changed, random);
  return changed;
}

type ByteMutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const byteMutations: readonly ByteMutation[] = [
  (bytes, random) => withByte(bytes, random, (byte) => byte ^ (1 << random(8))),
  (bytes, random) => withByte(bytes, random, () => random(256)),
  (bytes, random) => withByte(bytes, random, () => [0, 0x7f, 0x80, 0xff][random(4)]!),
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  (bytes, random) => {
    const at = random(bytes.length + 1);
    const part = bytes.slice(random(bytes.length + 1)).slice(0, random(64));
    return Uint8Array.from([...bytes.slice(0, at), ...part, ...bytes.slice(at)]);
  },
  (bytes, random) => {
    const at = random(bytes.length + 1);
    return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + random(16))]);
  },
];

function withByte(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const copy = bytes.slice();
  const at = random(copy.length);
  copy[at] = change(copy[at]!);
  return copy;
}

/** Numbers at which something usually breaks. */
const oddNumbers = [
  0n,
  -1n,
  1n,
  2n,
  3n,
  7n,
  255n,
  65536n,
  2n ** 31n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 62n,
  -(2n ** 63n),
];

const operators = [
  'Conv', 'Gemm', 'MatMul', 'Add', 'Mul', 'Concat', 'Relu', 'Clip', 'MaxPool', 'AveragePool', 'Softmax', 'Gather', 'Pad',
  'Split', 'Slice', 'Transpose', 'Reshape', 'Resize', 'ReduceMean', 'ReduceMax', 'LayerNormalization', 'ConvTranspose', 'GRU', 'Identity',
  'BatchNormalization', 'Constant', 'Shape', 'Where', 'Unseen', '',
]; // biome-ignore format: a list of words reads better filled

/** Changes what the file says, so that it still is protobuf. Bytes that are none stay as they are. */
function inMeaning(bytes: Uint8Array, random: Random): Uint8Array {
  try {
    const model = fromBinary(ModelProtoSchema, bytes);
    if (!model.graph) return bytes;
    meanings[random(meanings.length)]!(model.graph, random);
    if (random(20) === 0 && model.opsetImport[0]) model.opsetImport[0].version = BigInt(random(30));
    return toBinary(ModelProtoSchema, model);
  } catch {
    // Already damaged beyond reading.
    return bytes;
  }
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[random(Math.max(1, list.length))];
}

function anyName(graph: GraphProto, random: Random): string {
  const names = graph.node.flatMap(({ input, output }) => [...input, ...output]);
  return pick([...names, ...graph.initializer.map(({ name }) => name), '', 'nowhere'], random) ?? '';
}

const meanings: readonly ((graph: GraphProto, random: Random) => void)[] = [
  (graph, random) => {
    const node = pick(graph.node, random);
    if (node) node.opType = pick(operators, random) ?? '';
  },
  (graph, random) => {
    const node = pick(graph.node, random);
    if (node) node.input[random(node.input.length + 1)] = anyName(graph, random);
  },
  (graph, random) => {
    const node = pick(graph.node, random);
    if (node) node.output[random(node.output.length + 1)] = anyName(graph, random);
  },
  (graph, random) => {
    const attribute = pick(pick(graph.node, random)?.attribute ?? [], random);
    if (!attribute) return;
    attribute.i = pick(oddNumbers, random)!;
    if (attribute.ints.length > 0) attribute.ints[random(attribute.ints.length)] = pick(oddNumbers, random)!;
    if (random(4) === 0) attribute.type = random(15);
  },
  (graph, random) => {
    const tensor = pick(graph.initializer, random);
    if (tensor) tensor.dims[random(tensor.dims.length + 1)] = pick(oddNumbers, random)!;
  },
  (graph, random) => {
    const tensor = pick(graph.initializer, random);
    if (tensor) tensor.dataType = random(24);
  },
  (graph, random) => {
    const tensor = pick(graph.initializer, random);
    if (!tensor || tensor.rawData.length < 4) return;
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, 0, 3.4e38, 1e-45][random(5)]!;
    const raw = tensor.rawData.slice();
    new DataView(raw.buffer).setFloat32(4 * random(Math.floor(raw.length / 4)), odd, true);
    tensor.rawData = raw;
  },
  (graph, random) => {
    const attribute = pick(pick(graph.node, random)?.attribute ?? [], random);
    if (!attribute) return;
    attribute.i += BigInt(random(5) - 2);
    if (attribute.ints.length > 0) attribute.ints[random(attribute.ints.length)]! += BigInt(random(5) - 2);
  },
  (graph, random) => {
    const tensor = pick(graph.initializer, random);
    if (tensor) tensor.rawData = tensor.rawData.map(() => random(256));
  },
  (graph, random) => {
    const node = pick(graph.node, random);
    if (node) node.name = pick(['', ...graph.node.map(({ name }) => name)], random) ?? '';
  },
  (graph, random) => {
    const name = pick(
      graph.node.flatMap(({ output }) => output),
      random,
    );
    const like = graph.output[0];
    if (name && like) graph.output.push({ ...like, name });
  },
  (graph, random) => {
    const shape = pick([...graph.input, ...graph.output], random)?.type?.value;
    const dim = shape?.case === 'tensorType' ? pick(shape.value.shape?.dim ?? [], random) : undefined;
    if (dim)
      dim.value =
        random(2) === 0 ? { case: 'dimParam', value: 'n' } : { case: 'dimValue', value: pick(oddNumbers, random)! };
  },
  (graph, random) => void graph.node.splice(random(graph.node.length + 1), 1),
  (graph, random) => void graph.initializer.splice(random(graph.initializer.length + 1), 1),
  (graph, random) => {
    const node = pick(graph.node, random);
    if (node) graph.node.splice(random(graph.node.length + 1), 0, node);
  },
  (graph, random) => {
    const body = graph.node.flatMap(({ attribute }) => attribute.flatMap(({ g }) => g ?? []))[0];
    if (body) meanings[random(meanings.length - 1)]!(body, random);
  },
];
