/** The same change to every body (If, Loop, Scan) of a node; records in which nothing changes are kept as they are. */
import type { Attribute, Graph, Node } from './model.ts';

export function mapBodies(node: Node, change: (body: Graph) => Graph): Node {
  return mapAttributes(node, (attribute) => {
    if (attribute.kind === 'graph') return withValue(attribute, change(attribute.value));
    if (attribute.kind === 'graphs') return withValue(attribute, mapKept(attribute.value, change));
    return attribute;
  });
}

export function mapAttributes(node: Node, change: (attribute: Attribute) => Attribute): Node {
  const before = [...node.attributes.values()];
  const after = mapKept(before, change);
  if (after === before) return node;
  return { ...node, attributes: new Map([...node.attributes.keys()].map((key, at) => [key, after[at] as Attribute])) };
}

/** Like `map`, but gives back the same list when every element stays the same. */
export function mapKept<T>(list: readonly T[], change: (element: T) => T): readonly T[] {
  const after = list.map(change);
  return after.every((element, index) => element === list[index]) ? list : after;
}

export function withValue<A extends Attribute & { value: unknown }>(attribute: A, value: A['value']): A {
  return value === attribute.value ? attribute : { ...attribute, value };
}
