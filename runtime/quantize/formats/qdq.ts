/**
 * Placement → a new graph in QDQ form: each int8 tensor is QuantizeLinear followed by DequantizeLinear, weights are stored as
 * int8 behind a DequantizeLinear, biases as int32. ONNX Runtime fuses a node with the pairs around it into an integer kernel.
 */
import { int } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import { constantTensor, storeTensor } from '../../graph/initializer.ts';
import { definedIn } from '../../graph/links.ts';
import type { Graph, Node, StoredTensor } from '../../graph/model.ts';
import type { Float32Values } from '../../graph/quantized-tensor.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import type { Tensor } from '../../graph/tensor.ts';
import {
  absoluteMaxima,
  biasScales,
  type QuantParams,
  quantizeBias,
  quantizeTensor,
  quantizeWeight,
  scalesThatFitBias,
  symmetricScales,
} from '../numerics.ts';
import type { Placement } from '../place/place.ts';
import type { Unit } from '../place/units.ts';
import type { Mark, Marks } from '../verify/fused.ts';

/** What the transform adds: nodes in order, and initializers. */
type Draft = {
  readonly graph: Graph;
  readonly placement: Placement;
  readonly nodes: Node[];
  readonly initializers: Map<string, StoredTensor>;
  /** A name that the graph does not have, made from this one. */
  fresh(name: string): string;
};

/** Names of a tensor's int8 form and of its float form after rounding. */
type Pair = { readonly quantized: string; readonly dequantized: string };

export type Transformed = {
  readonly graph: Graph;
  readonly marks: Marks;
};

export function transform(graph: Graph, placement: Placement): Transformed {
  const draft = newDraft(graph, placement);
  const units = new Map(placement.units.map((unit) => [unit.node, unit]));
  const folded = new Set(placement.units.map((unit) => unit.folded));
  const produced = new Set(placement.units.map(({ output }) => output));
  const pairs = new Map<string, Pair>();
  const marks = new Map<string, Mark>();
  const emitPair = (name: string) => {
    const params = placement.activations.get(name);
    if (params && !produced.has(name)) pairs.set(name, addPair(draft, name, name, params));
  };
  for (const { name } of graph.inputs) emitPair(name);
  for (const node of graph.nodes) {
    if (folded.has(node)) continue;
    const unit = units.get(node);
    if (unit) marks.set(node.name, addUnit(draft, unit, pairs));
    else draft.nodes.push(reading(node, (name) => (produced.has(name) ? formFor(node, pairs.get(name)) : undefined)));
    for (const output of node.outputs) if (!unit) emitPair(output);
  }
  return { graph: finish(draft), marks };
}

/** Who asks for a shape only is served by the int8 form, and no float tensor is made for it. */
function formFor({ opType }: Node, pair: Pair | undefined): string | undefined {
  return opType === 'Shape' || opType === 'Size' ? pair?.quantized : pair?.dequantized;
}

/** The unit's node on int8 inputs, and the pair on its output. @returns its mark. */
function addUnit(draft: Draft, unit: Unit, pairs: Map<string, Pair>): Mark {
  const inputs = new Map(unit.activations.map((name) => [name, pairs.get(name)!.dequantized]));
  for (const name of unit.constants) inputs.set(name, addConstant(draft, name));
  if (unit.weight) for (const [name, replacement] of addWeights(draft, unit)) inputs.set(name, replacement);
  const isOutput = draft.graph.outputs.some(({ name }) => name === unit.output);
  // The graph's output keeps its name, so it moves behind the pair.
  const output = isOutput && unit.quantizesOutput ? draft.fresh(`${unit.output}_float`) : unit.output;
  draft.nodes.push({ ...reading(unit.node, (name) => inputs.get(name)), outputs: [output] });
  if (!unit.quantizesOutput) return { value: output, isQuantized: false };
  const params = draft.placement.activations.get(unit.output)!;
  const pair = addPair(draft, output, unit.output, params, isOutput);
  pairs.set(unit.output, pair);
  return { value: pair.quantized, isQuantized: true };
}

/** Q and DQ of the value `source`. @param name the tensor they are named after. */
function addPair(draft: Draft, source: string, name: string, params: QuantParams, isOutput = false): Pair {
  const constants = addParams(draft, name, params);
  const quantized = draft.fresh(`${name}_QuantizeLinear_Output`);
  const dequantized = isOutput ? name : draft.fresh(`${name}_DequantizeLinear_Output`);
  draft.nodes.push(
    makeNode('QuantizeLinear', [source, ...constants], [quantized], {}, `${name}_QuantizeLinear`),
    makeNode('DequantizeLinear', [quantized, ...constants], [dequantized], {}, `${name}_DequantizeLinear`),
  );
  return { quantized, dequantized };
}

function addConstant(draft: Draft, name: string): string {
  const params = draft.placement.constants.get(name)!;
  const output = `${name}_DequantizeLinear_Output`;
  if (draft.initializers.has(`${name}_quantized`)) return output;
  const values = quantizeTensor(constantTensor(draft.graph, name) as Tensor<'float32'>, params);
  addDequantize(draft, name, output, values, addParams(draft, name, params));
  return output;
}

/** The weight in int8 and the bias in int32. @returns their float names' replacements. */
function addWeights(draft: Draft, { node, activations, weight, bias }: Unit): Map<string, string> {
  const { name, axis } = weight!;
  const inputScale = draft.placement.activations.get(activations[0]!)!.scale;
  const floatWeight = constantTensor(draft.graph, name) as Tensor<'float32'>;
  const floatBias = bias === undefined ? undefined : (constantTensor(draft.graph, bias) as Tensor<'float32'>);
  const ideal = symmetricScales(absoluteMaxima(floatWeight, axis));
  const scales = floatBias ? scalesThatFitBias(ideal, inputScale, floatBias.data) : ideal;
  const { values } = quantizeWeight(floatWeight, scales, axis);
  const replacements = new Map([[name, addScaled(draft, node, name, values, scales, axis)]]);
  if (floatBias && bias !== undefined) {
    const sums = biasScales(inputScale, scales);
    const quantized = quantizeBias(floatBias.data, sums);
    const tensor = { type: 'int32', dims: [quantized.length], data: quantized } as const;
    replacements.set(bias, addScaled(draft, node, bias, tensor, sums, axis === undefined ? undefined : 0));
  }
  return replacements;
}

/** A symmetric constant behind DequantizeLinear; a constant that several nodes share gets a copy for each. */
function addScaled(
  draft: Draft,
  node: Node,
  name: string,
  values: Tensor<'int8' | 'int32'>,
  scales: Float32Values,
  axis: number | undefined,
): string {
  const base = draft.initializers.has(`${name}_quantized`) ? `${node.name}/${name}` : name;
  const dims = axis === undefined ? [] : [scales.length];
  const zeros = values.type === 'int8' ? new Int8Array(scales.length) : new Int32Array(scales.length);
  const params = [
    addInitializer(draft, `${base}_scale`, { type: 'float32', dims, data: scales }),
    addInitializer(draft, `${base}_zero_point`, { type: values.type, dims, data: zeros } as Tensor),
  ];
  const output = draft.fresh(`${base}_DequantizeLinear_Output`);
  addDequantize(draft, base, output, values, params, axis);
  return output;
}

function addDequantize(
  draft: Draft,
  name: string,
  output: string,
  values: Tensor,
  params: readonly string[],
  axis?: number,
): void {
  const stored = addInitializer(draft, `${name}_quantized`, values);
  const attributes = axis === undefined ? {} : { axis: int(axis) };
  draft.nodes.push(makeNode('DequantizeLinear', [stored, ...params], [output], attributes, `${name}_DequantizeLinear`));
}

function addParams(draft: Draft, name: string, { type, scale, zeroPoint }: QuantParams): readonly string[] {
  const zeroPoints = type === 'uint8' ? Uint8Array.of(zeroPoint) : Int8Array.of(zeroPoint);
  return [
    addInitializer(draft, `${name}_scale`, { type: 'float32', dims: [], data: Float32Array.of(scale) }),
    // The fusion wants the zero point even when it is 0.
    addInitializer(draft, `${name}_zero_point`, { type, dims: [], data: zeroPoints } as Tensor),
  ];
}

function addInitializer(draft: Draft, name: string, tensor: Tensor): string {
  const unique = draft.fresh(name);
  draft.initializers.set(unique, storeTensor(unique, tensor));
  return unique;
}

function reading(node: Node, replacement: (name: string) => string | undefined): Node {
  const inputs = node.inputs.map((name) => replacement(name) ?? name);
  return inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node;
}

function newDraft(graph: Graph, placement: Placement): Draft {
  const taken = new Set(definedIn(graph));
  const fresh = (name: string): string => {
    const unique = taken.has(name) ? fresh(`${name}_`) : name;
    taken.add(unique);
    return unique;
  };
  return { graph, placement, nodes: [], initializers: new Map(), fresh };
}

/** The new graph, without the float weights that nothing reads any more. */
function finish({ graph, nodes, initializers }: Draft): Graph {
  return removeUnusedIn({ ...graph, nodes, initializers: new Map([...graph.initializers, ...initializers]) });
}
