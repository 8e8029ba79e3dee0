/**
 * States the element type of inner values, as far as one table tells: most operators give what they are given. Shapes are not
 * stated, because a later rewrite may change them and a wrong one keeps a model from loading.
 */
import { intAttribute } from '../../graph/attributes.ts';
import { valueInfo } from '../../graph/build.ts';
import { mapBodies } from '../../graph/map-bodies.ts';
import { type Graph, type Node, subgraphsOf } from '../../graph/model.ts';
import { type ElementType, elementTypeOf } from '../../graph/tensor.ts';

type Types = Map<string, ElementType>;

/** Operators whose output has a type of its own. Source: ONNX Operators, type constraints. */
const fixedTypes: Readonly<Record<string, ElementType>> = {
  ...Object.fromEntries(
    ['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin', 'NonMaxSuppression'].map((op) => [op, 'int64']),
  ),
  ...Object.fromEntries(
    ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'].map(
      (op) => [op, 'bool'],
    ),
  ),
};

/** Which input an output takes its type from, where it is not the first. */
const typeInput: Readonly<Record<string, number>> = { Where: 1, OneHot: 2 };

/** Operators of which only the first output has that type, or whose types this table does not tell. */
const unknown: ReadonlySet<string> = new Set([
  'TopK',
  'Unique',
  'ConstantOfShape',
  'Constant',
  'Loop',
  'Scan',
  'RandomNormal',
]);

/** @param graph with unique names (see unique-names.ts). Stated types of its values are kept. */
export function stateTypes(graph: Graph): Graph {
  return stateIn(graph, new Map());
}

function stateIn(graph: Graph, types: Types): Graph {
  for (const { name, type } of [...graph.inputs, ...graph.valueInfo, ...graph.outputs]) if (type) types.set(name, type);
  for (const [name, { type }] of graph.initializers) if (type) types.set(name, type);
  const nodes = graph.nodes.map((node) => {
    const inside = mapBodies(node, (body) => stateIn(body, types));
    outputTypes(inside, types).forEach((type, index) => {
      const name = node.outputs[index];
      if (name && type && !types.has(name)) types.set(name, type);
    });
    return inside;
  });
  const computed = nodes.flatMap(({ outputs }) => outputs);
  const stated = computed.flatMap((name) => {
    const type = types.get(name);
    return type ? [valueInfo(name, type)] : [];
  });
  return { ...graph, nodes, valueInfo: stated };
}

function outputTypes(node: Node, types: Types): readonly (ElementType | undefined)[] {
  const { opType, domain, inputs, outputs } = node;
  if (opType === 'If') return subgraphsOf(node)[0]?.outputs.map(({ name }) => types.get(name)) ?? [];
  if (domain !== '' || unknown.has(opType)) return [];
  if (opType === 'Cast') return [elementTypeOf(intAttribute(node, 'to', 0))];
  const type = fixedTypes[opType] ?? types.get(inputs[typeInput[opType] ?? 0] ?? '');
  // Further outputs are indices or masks as often as not, except the parts of a Split.
  return opType === 'Split' || opType === 'LSTM' || opType === 'GRU' ? outputs.map(() => type) : [type];
}
