/**
 * What a placement does to values, in float: QuantizeLinear and DequantizeLinear behind every activation that it rounds, and
 * weights already on their grid. For looking inside a quantised model before it is written, in whatever format that
 * will be; biases stay float, as their int32 rounding does not show.
 */
import { node as makeNode } from '../../graph/build.ts';
import { storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import type { Graph, Node, StoredTensor } from '../../graph/model.ts';
import { substituteInputs } from '../../graph/substitute.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { QuantParams } from '../numerics.ts';
import type { Placement } from '../place/place.ts';
import { layersOf, weightsOf, withWeights } from './layers.ts';
import { type GridChoice, onGrid } from './weight-grid.ts';

/** Inner values keep their names and are as before rounding; who reads them reads the rounded ones. Outputs stay unrounded. */
export function emulate(graph: Graph, { units, activations }: Placement, grid: GridChoice): Graph {
  const chosen = new Set(units.map(({ node }) => node.name));
  const rounded = layersOf(graph)
    .filter(({ node }) => chosen.has(node.name))
    .reduce(
      (current, layer) => withWeights(current, layer, onGrid(weightsOf(current, layer).data, layer, grid)),
      graph,
    );
  return roundActivations(rounded, activations);
}

function roundActivations(graph: Graph, activations: ReadonlyMap<string, QuantParams>): Graph {
  const taken = definedIn(graph);
  // 16 bits are fine enough to look like float, and would need a newer operator set.
  const narrow = [...activations].filter(([, { type }]) => !type.endsWith('16')).map(([name]) => name);
  const names = new Map(narrow.map((name) => [name, freeName(`${name}_rounded`, taken)]));
  const added: StoredTensor[] = [];
  const pairFor = (name: string): Node[] => {
    const params = activations.get(name);
    const output = names.get(name);
    if (!params || output === undefined) return [];
    const [scale, zeroPoint, quantized] = [`${output}_scale`, `${output}_zero_point`, `${output}_quantized`];
    added.push(storeTensor(scale, { type: 'float32', dims: [], data: Float32Array.of(params.scale) }));
    added.push(storeTensor(zeroPoint, zeroPointTensor(params)));
    return [
      makeNode('QuantizeLinear', [name, scale, zeroPoint], [quantized]),
      makeNode('DequantizeLinear', [quantized, scale, zeroPoint], [output]),
    ];
  };
  const nodes = [
    ...graph.inputs.flatMap(({ name }) => pairFor(name)),
    ...graph.nodes.flatMap((node) => [substituteInputs(node, names), ...node.outputs.flatMap(pairFor)]),
  ];
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...added.map((t) => [t.name, t] as const)]) };
}

function zeroPointTensor({ type, zeroPoint }: QuantParams): Tensor {
  const data = type === 'uint8' ? Uint8Array.of(zeroPoint) : Int8Array.of(zeroPoint);
  return { type, dims: [], data } as Tensor;
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? freeName(`${name}_`, taken) : name;
}
