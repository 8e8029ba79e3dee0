/**
 * Neighbouring layers between which channels can be rescaled: nothing but channel-wise, positively homogeneous operators
 * (f(s·x) = s·f(x) for s > 0) stands between them, and nobody else reads what passes.
 */
import { intAttribute } from '../../graph/attributes.ts';
import { type Links, linksOf } from '../../graph/links.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { type Layer, layersOf } from './layers.ts';

export type Pair = {
  readonly first: Layer;
  readonly second: Layer;
  /** What stands between them, in order. */
  readonly between: readonly Node[];
  /** Consecutive input channels of the second that come from one output channel of the first: more than 1 after Flatten. */
  readonly spread: number;
};

export function findPairs(graph: Graph): readonly Pair[] {
  const layers = layersOf(graph);
  const byInput = new Map(layers.map((layer) => [layer.node, layer]));
  const links = linksOf(graph);
  return layers.flatMap((first) => {
    // The channels of a matrix product's output are an axis that convolutions do not know.
    const { between, next } = follow(first.output, links);
    const second = next && byInput.get(next);
    if (!second || second.input !== (between.at(-1)?.outputs[0] ?? first.output)) return [];
    const isFlattened = between.some(({ opType }) => opType === 'Flatten');
    const spread = second.inputs / first.outputs;
    const fits = isFlattened
      ? first.outputAxis === 1 && second.outputAxis === -1 && Number.isInteger(spread)
      : first.outputAxis === second.outputAxis && spread === 1;
    return fits ? [{ first, second, between, spread }] : [];
  });
}

function follow(start: string, { consumers, outputs }: Links): { between: Node[]; next: Node | undefined } {
  const between: Node[] = [];
  for (let tensor = start; ; tensor = between.at(-1)!.outputs[0]!) {
    const [next, ...others] = consumers.get(tensor) ?? [];
    if (!next || others.length > 0 || outputs.has(tensor)) return { between, next: undefined };
    if (!isHomogeneous(next)) return { between, next };
    between.push(next);
  }
}

const homogeneous: ReadonlySet<string> = new Set(['Relu', 'LeakyRelu', 'MaxPool', 'AveragePool', 'GlobalAveragePool']);

function isHomogeneous(node: Node): boolean {
  if (node.domain !== '' || node.outputs.filter(Boolean).length !== 1) return false;
  return homogeneous.has(node.opType) || (node.opType === 'Flatten' && intAttribute(node, 'axis', 1) === 1);
}
