/** What the tests of quantisation share: where the reference models lie, and what they say about a tensor. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { constantTensor } from '../../../runtime/graph/initializer.ts';
import { loadModel } from '../../../runtime/graph/load.ts';
import type { Graph, Node } from '../../../runtime/graph/model.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';

export const dataFolder = join(import.meta.dirname, '../../../../shared/data');

/** For `test`'s options: skips by name where the shared data is not beside the checkout. */
export const needsSharedData = existsSync(dataFolder) ? {} : { skip: `needs ${dataFolder}` };

/** The scale and zero point constants of a QuantizeLinear or DequantizeLinear node. */
export type QuantConstants = { readonly scale: Tensor; readonly zeroPoint: Tensor };

export async function loadReference(name: string): Promise<Graph> {
  return (await loadModel(join(dataFolder, 'reference', name))).graph;
}

/** By the name of the value that QuantizeLinear reads, or DequantizeLinear's quantised constant without its suffix. */
export function quantConstants(graph: Graph): Map<string, QuantConstants> {
  const found = new Map<string, QuantConstants>();
  for (const node of graph.nodes) {
    if (node.opType !== 'QuantizeLinear' && node.opType !== 'DequantizeLinear') continue;
    const key = keyOf(node, graph);
    if (key === undefined) continue;
    found.set(key, {
      scale: constantTensor(graph, node.inputs[1]!)!,
      zeroPoint: constantTensor(graph, node.inputs[2]!)!,
    });
  }
  return found;
}

function keyOf(node: Node, graph: Graph): string | undefined {
  const name = node.inputs[0]!;
  // A graph output is renamed before its pair; the reference and Octet choose different names.
  if (node.opType === 'QuantizeLinear') return name.replace(/_QuantizeLinear_Input$|_float$/, '');
  return graph.initializers.has(name) ? name.replace(/_quantized$/, '') : undefined;
}
