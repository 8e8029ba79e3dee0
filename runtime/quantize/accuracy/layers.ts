/**
 * Layers: nodes with constant weights of their own, in the one form that the accuracy methods see: every element of a weight
 * belongs to one output channel and one input channel, whatever the operator.
 */
import { floatAttribute, intAttribute } from '../../graph/attributes.ts';
import { constantOf, constantTensor, storeTensor } from '../../graph/initializer.ts';
import { linksOf } from '../../graph/links.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';

export type Layer = {
  readonly node: Node;
  /** Names of what it reads and computes; `bias` undefined when it has none. */
  readonly input: string;
  readonly weight: string;
  readonly bias: string | undefined;
  readonly output: string;
  readonly dims: readonly number[];
  /** The weight's axis of output channels. */
  readonly axis: number;
  readonly outputs: number;
  readonly inputs: number;
  readonly groups: number;
  /** Elements that share an input and an output channel: the kernel's size. */
  readonly kernel: number;
  /** The channels' axis in its output: 1 for convolutions, the last for products. */
  readonly outputAxis: 1 | -1;
  /** Channels of the weight's element at `index`. */
  outputOf(index: number): number;
  inputOf(index: number): number;
};

/** In topological order. Layers that share their weight with another node are left out: a change would change both. */
export function layersOf(graph: Graph): readonly Layer[] {
  const { consumers, outputs } = linksOf(graph);
  return graph.nodes.flatMap((node) => {
    const [input = '', weight = '', bias = ''] = node.inputs;
    const stored = constantOf(graph, weight);
    const form = node.domain === '' ? forms[node.opType]?.(node, stored?.dims ?? []) : undefined;
    const isOwn = (name: string) =>
      constantOf(graph, name)?.type === 'float32' && consumers.get(name)?.length === 1 && !outputs.has(name);
    if (!form || constantOf(graph, input) || !isOwn(weight)) return [];
    if (bias && (!isOwn(bias) || elementCount(constantOf(graph, bias)!.dims) !== form.outputs)) return [];
    const names = { input, weight, bias: bias || undefined, output: node.outputs[0]! };
    return [{ node, ...names, dims: stored!.dims, ...form }];
  });
}

export function weightsOf(graph: Graph, { weight }: Layer): Tensor<'float32'> {
  return constantTensor(graph, weight) as Tensor<'float32'>;
}

/** Zeros when it has none. */
export function biasOf(graph: Graph, { bias, outputs }: Layer): Float32Array {
  return bias === undefined ? new Float32Array(outputs) : (constantTensor(graph, bias)!.data as Float32Array);
}

/** The largest magnitude of each channel's weights. */
export function channelMaxima(
  values: Float32Array,
  channels: number,
  channelOf: (index: number) => number,
): Float64Array {
  const maxima = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const channel = channelOf(i);
    maxima[channel] = Math.max(maxima[channel]!, Math.abs(values[i]!));
  }
  return maxima;
}

export function withWeights(graph: Graph, { weight, dims }: Layer, data: Float32Array<ArrayBuffer>): Graph {
  return withTensor(graph, weight, { type: 'float32', dims, data });
}

/** A layer without a bias gets one; only where its operator can have one (see `canHaveBias`). */
export function withBias(graph: Graph, layer: Layer, data: Float32Array<ArrayBuffer>): Graph {
  const name = layer.bias ?? freeName(graph, `${layer.weight}_bias`);
  const filled = withTensor(graph, name, { type: 'float32', dims: [layer.outputs], data });
  if (layer.bias !== undefined) return filled;
  const isIt = (node: Node) => node.outputs[0] === layer.output;
  const add = (node: Node): Node => ({ ...node, inputs: [node.inputs[0]!, node.inputs[1]!, name] });
  return { ...filled, nodes: filled.nodes.map((node) => (isIt(node) ? add(node) : node)) };
}

export function canHaveBias({ node }: Layer): boolean {
  return node.opType !== 'MatMul';
}

function withTensor(graph: Graph, name: string, tensor: Tensor): Graph {
  // A constant node of this name would stand beside the initializer.
  const nodes = graph.nodes.filter(({ opType, outputs }) => opType !== 'Constant' || outputs[0] !== name);
  return { ...graph, nodes, initializers: new Map([...graph.initializers, [name, storeTensor(name, tensor)]]) };
}

function freeName(graph: Graph, name: string): string {
  const isTaken = graph.initializers.has(name) || graph.nodes.some(({ outputs }) => outputs.includes(name));
  return isTaken ? freeName(graph, `${name}_`) : name;
}

type Form = Pick<Layer, 'axis' | 'outputs' | 'inputs' | 'groups' | 'kernel' | 'outputAxis' | 'outputOf' | 'inputOf'>;

/** By operator; undefined for a node that is no plain layer. */
const forms: Readonly<Record<string, (node: Node, dims: readonly number[]) => Form | undefined>> = {
  Conv(node, dims) {
    if (dims.length < 3) return undefined;
    const [outputs, inputsPerGroup] = dims as [number, number];
    const groups = intAttribute(node, 'group', 1);
    const kernel = elementCount(dims.slice(2));
    const outputOf = (index: number) => Math.floor(index / (inputsPerGroup * kernel));
    const groupOf = (output: number) => Math.floor((output * groups) / outputs);
    return {
      ...{ axis: 0, outputs, inputs: inputsPerGroup * groups, groups, kernel, outputAxis: 1, outputOf },
      inputOf: (index) => groupOf(outputOf(index)) * inputsPerGroup + (Math.floor(index / kernel) % inputsPerGroup),
    };
  },
  Gemm(node, dims) {
    const isPlain = floatAttribute(node, 'alpha', 1) === 1 && floatAttribute(node, 'beta', 1) === 1;
    if (!isPlain || intAttribute(node, 'transA', 0) !== 0) return undefined;
    return matrix(dims, intAttribute(node, 'transB', 0) !== 0 ? 0 : 1);
  },
  MatMul: (_, dims) => matrix(dims, 1),
};

function matrix(dims: readonly number[], axis: 0 | 1): Form | undefined {
  if (dims.length !== 2) return undefined;
  const [rows, columns] = dims as [number, number];
  const rowOf = (index: number) => Math.floor(index / columns);
  const columnOf = (index: number) => index % columns;
  return axis === 0
    ? { ...shape(axis, rows, columns), outputOf: rowOf, inputOf: columnOf }
    : { ...shape(axis, columns, rows), outputOf: columnOf, inputOf: rowOf };
}

function shape(axis: number, outputs: number, inputs: number) {
  return { axis, outputs, inputs, groups: 1, kernel: 1, outputAxis: -1 } as const;
}
