/**
 * Runs one model after another for onnx-testdata.test.ts in a process of its own, which a native crash may end. Each
 * model runs as its author saved it and as we write it, with the same inputs; outputs must be equal bit for bit.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { endWithParent } from '../../runtime/base/children.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { checkFeeds } from '../../runtime/engine/check-feeds.ts';
import { openSession, type Session } from '../../runtime/engine/session.ts';
import { readTensor } from '../../runtime/graph/initializer.ts';
import { loadModel } from '../../runtime/graph/load.ts';
import { mapBodies } from '../../runtime/graph/map-bodies.ts';
import { storedFromMessage } from '../../runtime/graph/messages.ts';
import type { Attribute, Graph, Model, Node, ValueInfo } from '../../runtime/graph/model.ts';
import { rewriteModel } from '../../runtime/graph/rewrite.ts';
import { constantToInitializer } from '../../runtime/graph/rules/constant-to-initializer.ts';
import { removeIdentity } from '../../runtime/graph/rules/remove-identity.ts';
import { encodeModel } from '../../runtime/graph/save.ts';
import { elementCount, elementTypes, type Tensor } from '../../runtime/graph/tensor.ts';

/** What came of one model. */
export type Outcome = {
  readonly path: string;
  readonly kind: 'equal' | 'different' | 'random' | 'refused';
  /** Of the first variant that differs, or of the refusal. */
  readonly detail: string;
};

type Outputs = Readonly<Record<string, Tensor>>;

/** Ways to write a model that must not change what it computes. */
const variants: Readonly<Record<string, (model: Model) => Model>> = {
  saved: (model) => model,
  rebuilt: (model) => ({ ...model, graph: rebuiltGraph(model.graph) }),
  rewritten: (model) => rewriteModel(model, [removeIdentity, constantToInitializer]),
};

endWithParent();
process.on('message', (path: string) => {
  void judge(path).then((outcome) => process.send?.(outcome));
});

async function judge(path: string): Promise<Outcome> {
  try {
    return { path, ...(await compare(path)) };
  } catch (error) {
    if (error instanceof OctetError) return { path, kind: 'refused', detail: `${error.code} ${error.message}` };
    throw error;
  }
}

async function compare(path: string): Promise<Omit<Outcome, 'path'>> {
  const expected = await outputsOf(path, path);
  const model = await loadModel(path);
  for (const [name, change] of Object.entries(variants)) {
    const got = await outputsOf(encodeModel(change(model)), path);
    if (isSame(expected, got)) continue;
    const isRandom = !isSame(expected, await outputsOf(path, path));
    return isRandom ? { kind: 'random', detail: name } : { kind: 'different', detail: name };
  }
  return { kind: 'equal', detail: '' };
}

async function outputsOf(source: string | Uint8Array, path: string): Promise<Outputs> {
  const session = await openSession(source, { level: 'all', arena: false });
  try {
    const feeds = await feedsFor(session, path);
    checkFeeds(session.inputs, feeds);
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** The graph without the messages it was read from, so that each record has to be written from its fields alone. */
function rebuiltGraph(graph: Graph): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map(rebuiltNode),
    inputs: graph.inputs.map(rebuiltValue),
    outputs: graph.outputs.map(rebuiltValue),
    valueInfo: [],
  };
}

function rebuiltNode(node: Node): Node {
  const { attributes, ...rest } = mapBodies(node, rebuiltGraph);
  const bare = Array.from(attributes, ([name, attribute]) => [name, rebuiltAttribute(attribute)] as const);
  return { ...rest, attributes: new Map(bare), source: create(NodeProtoSchema) };
}

function rebuiltAttribute(attribute: Attribute): Attribute {
  if (attribute.kind === 'other') return attribute;
  const { source, ...rest } = attribute;
  return rest;
}

/** Sequences, maps and rare element types are in the message only. */
function rebuiltValue(value: ValueInfo): ValueInfo {
  return value.type === undefined ? value : { ...value, source: create(ValueInfoProtoSchema) };
}

/** Inputs from the model's own test data where it has some, else the same made-up ones each time. */
async function feedsFor({ inputs }: Session, path: string): Promise<Outputs> {
  const strange = inputs.find(({ type }) => type === undefined);
  if (strange) throw new OctetError('MODEL_UNSUPPORTED', `input ${strange.name}: no dense tensor of a known type`);
  const given = await testData(join(dirname(path), 'test_data_set_0'));
  const entries = inputs.map(({ name, type, dims }, index) => {
    const found = given.find((tensor) => tensor.name === name) ?? given[index];
    if (found) return [name, readTensor(found)] as const;
    const sizes = (dims ?? []).map((size) => (typeof size === 'number' ? size : 2));
    return [name, madeUp(type ?? 'float32', sizes)] as const;
  });
  return Object.fromEntries(entries);
}

async function testData(folder: string) {
  const files = (await readdir(folder).catch(() => [])).filter((file) => basename(file).startsWith('input_'));
  const byNumber = files.toSorted((a, b) => Number(a.match(/\d+/)?.[0]) - Number(b.match(/\d+/)?.[0]));
  return Promise.all(
    byNumber.map(async (file) =>
      storedFromMessage(fromBinary(TensorProtoSchema, await readFile(join(folder, file))), undefined),
    ),
  );
}

/** Small numbers that every element type holds: 0, 1, 2, 0, 1, 2, … */
function madeUp(type: keyof typeof elementTypes, dims: readonly number[]): Tensor {
  const data = new elementTypes[type].array(elementCount(dims));
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < data.length; index++) data[index] = isBig ? BigInt(index % 3) : index % 3;
  return { type, dims, data } as Tensor;
}

function isSame(a: Outputs, b: Outputs): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSameTensor(a[name], b[name]));
}

function isSameTensor(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (!a || !b || a.type !== b.type || String(a.dims) !== String(b.dims)) return false;
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
