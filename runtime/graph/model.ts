/**
 * The ONNX graph as immutable records. Each record says what matters in plain fields and keeps the message it was read
 * from as `source`; what the fields do not say (doc strings, metadata, unknown fields) is written back from there.
 * A change is a new record (`{ ...node, opType: 'Gemm' }`), never an assignment.
 */
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import type { ElementType } from './tensor.ts';

export type Model = {
  readonly graph: Graph;
  /** Version of the file format (ONNX `ir_version`). */
  readonly irVersion: number;
  /** Operator-set version by domain; ONNX's own domain is `''`. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Where it came from, for messages: a path, or what it was made for. */
  readonly origin: string;
  readonly source: ModelProto;
};

/** The main graph, or a body of If, Loop or Scan, which also sees the values of the graphs around it. */
export type Graph = {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** Types and shapes the file states for inner values; often none. */
  readonly valueInfo: readonly ValueInfo[];
  readonly source: GraphProto;
};

export type Node = {
  /** May be empty, and is then not unique. */
  readonly name: string;
  readonly opType: string;
  /** `''` is ONNX's own (a file may also say `ai.onnx`). */
  readonly domain: string;
  /** Names of values; `''` is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly source: NodeProto;
};

/** An attribute's value by kind. `other` (type protos, sparse tensors, references inside functions) passes through. */
export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: StoredTensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] }
  | { readonly kind: 'other' };

export type Attribute = AttributeValue & { readonly source?: AttributeProto };

/** A size, the name of a size known only when running, or null when not even named. */
export type Dim = number | string | null;

export type ValueInfo = {
  readonly name: string;
  /** Undefined when it is no tensor, or one of an element type outside the table. */
  readonly type: ElementType | undefined;
  /** Undefined when the rank is unknown. */
  readonly dims: readonly Dim[] | undefined;
  readonly source: ValueInfoProto;
};

/** A tensor as the file holds it; its bytes stay where they are until `readTensor`. */
export type StoredTensor = {
  readonly name: string;
  /** Undefined for what the table of element types leaves out: strings, bfloat16, float8, int4, complex numbers. */
  readonly type: ElementType | undefined;
  readonly dims: readonly number[];
  /** Folder that holds its external data file; undefined when the bytes are in the model. */
  readonly folder: string | undefined;
  readonly source: TensorProto;
};

/** Version of the operator set that `domain` has in this model, or undefined when it is not declared. */
export function opsetVersion(model: Model, domain = ''): number | undefined {
  return model.opsets.get(domain);
}

/** Bodies of control-flow nodes, in the order of the node's attributes. */
export function subgraphsOf(node: Node): readonly Graph[] {
  return [...node.attributes.values()].flatMap((attribute) => {
    if (attribute.kind === 'graph') return [attribute.value];
    return attribute.kind === 'graphs' ? attribute.value : [];
  });
}

/** The value's type and shape where the graph states them: inputs, outputs, inner values. */
export function statedValues(graph: Graph): ReadonlyMap<string, ValueInfo> {
  return new Map([...graph.valueInfo, ...graph.outputs, ...graph.inputs].map((value) => [value.name, value]));
}
