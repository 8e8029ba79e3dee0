/** What became of each node of a float model in a quantised one, whoever quantised it: read off the graph that really runs. */
import { type Links, linksOf } from '../../graph/links.ts';
import type { Model, Node } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { NodeOutcome } from '../messages.ts';
import { type Kernels, type Mark, readKernels } from '../verify/fused.ts';
import { pairTensors } from './tensor-pairs.ts';

/**
 * In order of execution; nodes that are not in the quantised model any more (folded away, inside bodies) are left out.
 * @param reasons why a node would stay float, by name. Opens a session.
 */
export async function outcomesOf(
  float: Model,
  quantized: Model,
  reasons: ReadonlyMap<string, string>,
): Promise<NodeOutcome[]> {
  const marks = new Map<string, Mark>();
  for (const { node, quantized: value, params } of pairTensors(float.graph, quantized.graph))
    if (node) marks.set(nodeName(node), { value, isQuantized: params !== undefined });
  const kernels = await readKernels(encodeModel(quantized), quantized.graph, marks);
  const links = linksOf(float.graph);
  return float.graph.nodes.flatMap((node): NodeOutcome[] => {
    const kernel = kernelOf(node, links, kernels);
    if (!kernel) return [];
    const [name, { opType }] = [nodeName(node), node];
    if (kernel.isInteger) return [{ node: name, opType, kernel: kernel.opType }];
    return [{ node: name, opType, reason: reasons.get(name) ?? 'it is float in the quantised model' }];
  });
}

/** A node without a name is called after its first output. */
export function nodeName({ name, outputs }: Pick<Node, 'name' | 'outputs'>): string {
  return name || (outputs.find(Boolean) ?? '');
}

/** A layer whose Relu became the end of its range shares the Relu's kernel. */
function kernelOf(node: Node, { consumers }: Links, kernels: Kernels) {
  const own = kernels.get(nodeName(node));
  const [next, ...others] = consumers.get(node.outputs[0] ?? '') ?? [];
  const isFolded = !own && next && others.length === 0 && (next.opType === 'Relu' || next.opType === 'Clip');
  return isFolded ? kernels.get(nodeName(next)) : own;
}
