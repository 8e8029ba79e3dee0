/** The same change to every stored tensor of a model: initializers and tensor attributes, in bodies too. */
import { mapAttributes, mapBodies, mapKept, withValue } from './map-bodies.ts';
import type { Graph, Model, Node, StoredTensor } from './model.ts';

type Change = (tensor: StoredTensor) => StoredTensor;

/** Records in which nothing changes are kept as they are. */
export function mapTensors(model: Model, change: Change): Model {
  const graph = inGraph(model.graph, change);
  return graph === model.graph ? model : { ...model, graph };
}

function inGraph(graph: Graph, change: Change): Graph {
  const nodes = mapKept(graph.nodes, (node) => inNode(node, change));
  const before = [...graph.initializers];
  const entries = mapKept(before, (entry): [string, StoredTensor] => {
    const [name, tensor] = entry;
    const after = change(tensor);
    return after === tensor ? entry : [name, after];
  });
  return nodes === graph.nodes && entries === before ? graph : { ...graph, nodes, initializers: new Map(entries) };
}

function inNode(node: Node, change: Change): Node {
  const withTensors = mapAttributes(node, (attribute) =>
    attribute.kind === 'tensor' ? withValue(attribute, change(attribute.value)) : attribute,
  );
  return mapBodies(withTensors, (body) => inGraph(body, change));
}
