/** Appends nodes to a graph in the making: fresh names, pooled constants, and the operators that rules write most. */
import { ints } from '../graph/attributes.ts';
import { float32, int64, node as makeNode } from '../graph/build.ts';
import { storeTensor } from '../graph/initializer.ts';
import { definedIn } from '../graph/links.ts';
import type { Attribute, Graph, Node, StoredTensor } from '../graph/model.ts';
import { elementCount, type Tensor } from '../graph/tensor.ts';

export type Writer = {
  /** Writes one node and gives the name of its first output. `opType` may carry a domain. */
  op(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  /** Writes one node with several outputs. */
  ops(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    count: number,
  ): string[];
  /** Takes over a node as it is. */
  append(node: Node): void;
  /** An initializer of this very name. */
  store(name: string, tensor: Tensor): string;
  /** An initializer; equal small constants are stored once. */
  constant(tensor: Tensor): string;
  float(value: number): string;
  ints(values: Iterable<number>): string;
  /** Sum over these axes. @param keepsAxes leaves them in with size 1. */
  sum(value: string, axes: readonly number[], keepsAxes: boolean): string;
  reshape(value: string, dims: readonly number[]): string;
  transpose(value: string, permutation: readonly number[]): string;
  scale(value: string, factor: number): string;
  /** A name that nothing has. */
  fresh(base: string): string;
  /** The graph with everything written so far at its end. */
  graph(): Graph;
};

/** Larger constants are not compared. */
const pooledElements = 64;

/**
 * @param prefix of the names of values that it makes.
 * @param rewrites begins without the graph's nodes, which the caller appends one by one with others between them.
 */
export function graphWriter(start: Graph, prefix: string, rewrites = false): Writer {
  const taken = new Set(definedIn(start));
  const nodes: Node[] = rewrites ? [] : [...start.nodes];
  const initializers = new Map<string, StoredTensor>();
  const pool = new Map<string, string>();
  let counter = 0;
  const fresh = (base: string): string => {
    let name = base;
    for (let suffix = 1; taken.has(name); suffix++) name = `${base}_${suffix}`;
    taken.add(name);
    return name;
  };
  const ops: Writer['ops'] = (opType, inputs, attributes, count) => {
    counter += 1;
    const base = `${prefix}/${opType.replace(/^.*:/, '')}_${counter}`;
    const outputs = Array.from({ length: count }, (_, i) => fresh(i === 0 ? base : `${base}/${i}`));
    nodes.push(makeNode(opType, inputs, outputs, attributes, base));
    return outputs;
  };
  const op: Writer['op'] = (opType, inputs, attributes = {}) => ops(opType, inputs, attributes, 1)[0]!;
  const constant = (tensor: Tensor): string => {
    const key =
      elementCount(tensor.dims) <= pooledElements ? `${tensor.type}|${tensor.dims}|${tensor.data.join()}` : undefined;
    const known = key === undefined ? undefined : pool.get(key);
    if (known !== undefined) return known;
    const name = fresh(`${prefix}/constant`);
    initializers.set(name, storeTensor(name, tensor));
    if (key !== undefined) pool.set(key, name);
    return name;
  };
  const vector = (values: Iterable<number>): string => {
    const list = [...values];
    return constant(int64([list.length], list));
  };
  const float = (value: number): string => constant(float32([], [value]));
  return {
    op,
    ops,
    append: (node) => void nodes.push(node),
    store(name, tensor) {
      initializers.set(name, storeTensor(name, tensor));
      return name;
    },
    constant,
    float,
    ints: vector,
    sum: (value, axes, keepsAxes) =>
      axes.length === 0
        ? value
        : op('ReduceSum', [value, vector(axes)], { keepdims: { kind: 'int', value: keepsAxes ? 1n : 0n } }),
    reshape: (value, dims) => op('Reshape', [value, vector(dims)]),
    transpose: (value, permutation) =>
      permutation.every((axis, i) => axis === i) ? value : op('Transpose', [value], { perm: ints(permutation) }),
    scale: (value, factor) => (factor === 1 ? value : op('Mul', [value, float(factor)])),
    fresh,
    graph: () => ({
      ...start,
      nodes: [...nodes],
      initializers: new Map([...start.initializers, ...initializers]),
    }),
  };
}
