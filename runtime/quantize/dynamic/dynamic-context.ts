/** What the dynamic recipe's operators build with: names, constants, and one quantisation for each tensor they read. */
import { node as makeNode } from '../../graph/build.ts';
import { constantTensor, storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import type { Graph, Node, StoredTensor } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { DynamicRecipe } from '../recipe.ts';

/** The value that a node's integer kernel computes, or why the node stays float. */
export type DynamicResult = { readonly mark: string } | { readonly refused: string };

/** What an operator's rule works with. */
export type DynamicContext = {
  readonly recipe: DynamicRecipe;
  /** The float32 constant of this name. */
  weight(name: string | undefined): Tensor<'float32'> | undefined;
  /** Adds a constant under a name like this one. @returns its name. */
  store(name: string, tensor: Tensor): string;
  fresh(name: string): string;
  /** The names of a tensor quantised while running: values, scale, zero point. */
  quantized(name: string): readonly [values: string, scale: string, zeroPoint: string];
  /** Adds a node. */
  emit(node: Node): void;
};

/** @param nodes @param added where new nodes and constants go. */
export function newDynamicContext(
  graph: Graph,
  recipe: DynamicRecipe,
  nodes: Node[],
  added: StoredTensor[],
): DynamicContext {
  const taken = new Set(definedIn(graph));
  const fresh = (name: string): string => {
    const unique = taken.has(name) ? fresh(`${name}_`) : name;
    taken.add(unique);
    return unique;
  };
  const quantized = new Map<string, readonly [string, string, string]>();
  return {
    recipe,
    fresh,
    emit: (node) => nodes.push(node),
    weight(name) {
      const tensor = name ? constantTensor(graph, name) : undefined;
      return tensor?.type === 'float32' ? (tensor as Tensor<'float32'>) : undefined;
    },
    store(name, tensor) {
      const unique = fresh(name);
      added.push(storeTensor(unique, tensor));
      return unique;
    },
    quantized(name) {
      const known = quantized.get(name);
      if (known) return known;
      const names = [fresh(`${name}_quantized`), fresh(`${name}_scale`), fresh(`${name}_zero_point`)] as const;
      nodes.push(makeNode('DynamicQuantizeLinear', [name], names, {}, `${name}/quantize`));
      quantized.set(name, names);
      return names;
    },
  };
}
