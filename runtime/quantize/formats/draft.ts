/** What the formats build with: a graph in the making, names that nothing has yet, and constants that are stored once. */
import { storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import type { Graph, Model, Node, StoredTensor } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Placement } from '../place/place.ts';

/** What all graphs of one model share while it is transformed. */
export type Workshop = {
  readonly model: Model;
  /** A name that the model does not have, made from this one. */
  fresh(name: string): string;
  /** Constants stored so far, by what they hold. */
  readonly stored: Map<string, StoredParts>;
};

/** Names of initializers that together stand for real values. */
export type StoredParts = { readonly values: string; readonly scale: string; readonly zeroPoint: string };

/** A graph in the making. */
export type Draft = {
  readonly workshop: Workshop;
  /** The graph before. */
  readonly graph: Graph;
  readonly placement: Placement;
  readonly nodes: Node[];
  readonly initializers: Map<string, StoredTensor>;
};

export function newWorkshop(model: Model): Workshop {
  const taken = new Set(definedIn(model.graph));
  const fresh = (name: string): string => {
    const unique = taken.has(name) ? fresh(`${name}_`) : name;
    taken.add(unique);
    return unique;
  };
  return { model, fresh, stored: new Map() };
}

export function newDraft(workshop: Workshop, graph: Graph, placement: Placement): Draft {
  return { workshop, graph, placement, nodes: [], initializers: new Map() };
}

/** @returns the name it got. */
export function addInitializer(draft: Draft, name: string, tensor: Tensor): string {
  const unique = draft.workshop.fresh(name);
  draft.initializers.set(unique, storeTensor(unique, tensor));
  return unique;
}

/** The new graph, without the float weights that nothing reads any more. */
export function finishDraft({ graph, nodes, initializers }: Draft): Graph {
  return removeUnusedIn({ ...graph, nodes, initializers: new Map([...graph.initializers, ...initializers]) });
}

/** The node with other inputs. @param replacement undefined keeps the input. */
export function reading(node: Node, replacement: (name: string) => string | undefined): Node {
  const inputs = node.inputs.map((name) => replacement(name) ?? name);
  return inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node;
}
