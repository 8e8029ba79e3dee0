/**
 * Which nodes to leave float, as proposals to measure. Crossing between int8 and float costs conversions and changes of layout, so
 * what pays is mostly one stretch of int8 with float before and after: first how long the float beginning should be, then the float
 * end, and then single nodes. Pure.
 */

/** Set of nodes that stay float. */
export type Exclusion = readonly string[];

/** How many nodes of `count` to try as a beginning or an end: all of a few, ever wider steps through many. */
export function stretchLengths(count: number): readonly number[] {
  const lengths: number[] = [];
  for (let length = 1; length < count; length += Math.max(1, Math.floor(length / 8))) lengths.push(length);
  return lengths;
}

/** Float beginnings of each length, on top of what already is float. @param nodes in topological order. */
export function floatBeginnings(nodes: readonly string[], inFloat: Exclusion): readonly Exclusion[] {
  return stretchLengths(nodes.length).map((length) => union(inFloat, nodes.slice(0, length)));
}

/** Float ends of each length. */
export function floatEnds(nodes: readonly string[], inFloat: Exclusion): readonly Exclusion[] {
  return stretchLengths(nodes.length).map((length) => union(inFloat, nodes.slice(-length)));
}

/** Each node changed from float to int8 or back, one at a time; the nodes given first come first. */
export function singleChanges(nodes: readonly string[], inFloat: Exclusion): readonly Exclusion[] {
  return nodes.map((node) =>
    inFloat.includes(node) ? inFloat.filter((other) => other !== node) : union(inFloat, [node]),
  );
}

/** A string that is the same for the same set. */
export function exclusionKey(inFloat: Exclusion): string {
  return [...inFloat].sort().join('\n');
}

function union(a: Exclusion, b: Exclusion): Exclusion {
  return [...new Set([...a, ...b])];
}
