/** What the dynamic recipe's operators build with: names, constants, and one quantisation for each tensor they read. */
import { node as makeNode } from '../../graph/build.ts';
import { constantTensor } from '../../graph/initializer.ts';
import type { Node } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { addInitializer, type Draft } from '../formats/draft.ts';
import type { DynamicRecipe } from '../recipe.ts';

/** The value that a node's integer kernel computes, what to say of a node that only got smaller, or why it stays float. */
export type DynamicResult = { readonly mark: string } | { readonly smaller: string } | { readonly refused: string };

/** What an operator's rule works with. */
export type DynamicContext = {
  readonly recipe: DynamicRecipe;
  readonly draft: Draft;
  /** The float32 constant of this name. */
  weight(name: string | undefined): Tensor<'float32'> | undefined;
  /** Adds constants that several nodes may share. @param make gives the tensors by the suffix of their names, once for each key. @returns their names. */
  store<K extends string>(
    name: string,
    key: string,
    make: () => Readonly<Record<K, Tensor>>,
  ): Readonly<Record<K, string>>;
  fresh(name: string): string;
  /** The names of a tensor quantised while running: values, scale, zero point. */
  quantized(name: string): readonly [values: string, scale: string, zeroPoint: string];
  /** Adds a node. */
  emit(node: Node): void;
};

/** Constants stored so far by name and key, for all graphs of the model. */
export type DynamicStore = Map<string, Readonly<Record<string, string>>>;

export function newDynamicContext(draft: Draft, recipe: DynamicRecipe, stored: DynamicStore): DynamicContext {
  const { graph, nodes, workshop } = draft;
  const quantized = new Map<string, readonly [string, string, string]>();
  return {
    recipe,
    draft,
    fresh: workshop.fresh,
    emit: (node) => nodes.push(node),
    weight(name) {
      const tensor = name ? constantTensor(graph, name) : undefined;
      return tensor?.type === 'float32' ? (tensor as Tensor<'float32'>) : undefined;
    },
    store<K extends string>(name: string, key: string, make: () => Readonly<Record<K, Tensor>>) {
      const full = `${name}|${key}`;
      const known = stored.get(full) as Readonly<Record<K, string>> | undefined;
      if (known) return known;
      const tensors = Object.entries(make()) as [K, Tensor][];
      const added = tensors.map(
        ([suffix, tensor]) => [suffix, addInitializer(draft, `${name}_${suffix}`, tensor)] as const,
      );
      const names = Object.fromEntries(added) as Readonly<Record<K, string>>;
      stored.set(full, names);
      return names;
    },
    quantized(name) {
      const known = quantized.get(name);
      if (known) return known;
      const names = [
        workshop.fresh(`${name}_quantized`),
        workshop.fresh(`${name}_scale`),
        workshop.fresh(`${name}_zero_point`),
      ] as const;
      nodes.push(makeNode('DynamicQuantizeLinear', [name], names, {}, `${names[0]}/quantize`));
      quantized.set(name, names);
      return names;
    },
  };
}
