/** The same change to every stored tensor of a model: initializers and tensor attributes, in bodies too. */
import type { Attribute, Graph, Model, Node, StoredTensor } from './model.ts';

/** Records in which nothing changes are kept as they are. */
export function mapTensors(model: Model, change: (tensor: StoredTensor) => StoredTensor): Model {
  const graph = mapGraph(model.graph, change);
  return graph === model.graph ? model : { ...model, graph };
}

type Change = (tensor: StoredTensor) => StoredTensor;

function mapGraph(graph: Graph, change: Change): Graph {
  const nodes = graph.nodes.map((node) => mapNode(node, change));
  const initializers = new Map(Array.from(graph.initializers, ([name, tensor]) => [name, change(tensor)]));
  const isSame =
    nodes.every((node, index) => node === graph.nodes[index]) &&
    [...initializers].every(([name, tensor]) => tensor === graph.initializers.get(name));
  return isSame ? graph : { ...graph, nodes, initializers };
}

function mapNode(node: Node, change: Change): Node {
  const attributes = new Map(Array.from(node.attributes, ([name, value]) => [name, mapAttribute(value, change)]));
  const isSame = [...attributes].every(([name, value]) => value === node.attributes.get(name));
  return isSame ? node : { ...node, attributes };
}

function mapAttribute(attribute: Attribute, change: Change): Attribute {
  switch (attribute.kind) {
    case 'tensor':
      return replaced(attribute, change(attribute.value));
    case 'graph':
      return replaced(attribute, mapGraph(attribute.value, change));
    case 'graphs': {
      const graphs = attribute.value.map((graph) => mapGraph(graph, change));
      return graphs.every((graph, index) => graph === attribute.value[index])
        ? attribute
        : { ...attribute, value: graphs };
    }
    default:
      return attribute;
  }
}

function replaced<A extends Attribute & { value: unknown }>(attribute: A, value: A['value']): A {
  return value === attribute.value ? attribute : { ...attribute, value };
}
