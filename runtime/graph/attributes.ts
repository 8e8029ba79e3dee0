/** Attributes of nodes: constructors that say their kind (1 is an int or a float, only the operator knows) and readers. */
import { OctetError } from '../base/errors.ts';
import type { Attribute, Graph, Node, StoredTensor } from './model.ts';

export function int(value: number | bigint): Attribute {
  return { kind: 'int', value: BigInt(value) };
}

export function ints(values: Iterable<number | bigint>): Attribute {
  return { kind: 'ints', value: Array.from(values, BigInt) };
}

/** Stored as float32. */
export function float(value: number): Attribute {
  return { kind: 'float', value: Math.fround(value) };
}

/** Stored as float32. */
export function floats(values: Iterable<number>): Attribute {
  return { kind: 'floats', value: Array.from(values, Math.fround) };
}

export function string(value: string): Attribute {
  return { kind: 'string', value: new TextEncoder().encode(value) };
}

export function tensor(value: StoredTensor): Attribute {
  return { kind: 'tensor', value };
}

export function graph(value: Graph): Attribute {
  return { kind: 'graph', value };
}

/** int64 as a number: beyond 2^53 only the size is kept (ONNX uses the largest int64 for "to the end"). */
export function intAttribute<D extends number | undefined = undefined>(
  node: Node,
  name: string,
  absent?: D,
): number | D {
  const found = attributeOf(node, name, 'int')?.value;
  return found === undefined ? (absent as D) : Number(found);
}

export function intsAttribute<D extends readonly number[] | undefined = undefined>(
  node: Node,
  name: string,
  absent?: D,
): readonly number[] | D {
  return attributeOf(node, name, 'ints')?.value?.map(Number) ?? (absent as D);
}

export function floatAttribute<D extends number | undefined = undefined>(
  node: Node,
  name: string,
  absent?: D,
): number | D {
  return attributeOf(node, name, 'float')?.value ?? (absent as D);
}

export function floatsAttribute<D extends readonly number[] | undefined = undefined>(
  node: Node,
  name: string,
  absent?: D,
): readonly number[] | D {
  return attributeOf(node, name, 'floats')?.value ?? (absent as D);
}

export function stringAttribute<D extends string | undefined = undefined>(
  node: Node,
  name: string,
  absent?: D,
): string | D {
  const found = attributeOf(node, name, 'string')?.value;
  return found === undefined ? (absent as D) : new TextDecoder().decode(found);
}

export function tensorAttribute(node: Node, name: string): StoredTensor | undefined {
  return attributeOf(node, name, 'tensor')?.value;
}

export function graphAttribute(node: Node, name: string): Graph | undefined {
  return attributeOf(node, name, 'graph')?.value;
}

type Kind = Attribute['kind'];
type OfKind<K extends Kind> = Extract<Attribute, { kind: K }>;

/** @throws MODEL_INVALID when the attribute is there but of another kind. */
function attributeOf<K extends Kind>(node: Node, name: string, kind: K): OfKind<K> | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return undefined;
  if (isOfKind(attribute, kind)) return attribute;
  throw new OctetError(
    'MODEL_INVALID',
    `node "${node.name}" (${node.opType}): attribute ${name}: expected ${kind}, got ${attribute.kind}`,
  );
}

function isOfKind<K extends Kind>(attribute: Attribute, kind: K): attribute is OfKind<K> {
  return attribute.kind === kind;
}
