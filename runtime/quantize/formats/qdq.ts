/**
 * Placement → a new graph in QDQ form: each int8 tensor is QuantizeLinear followed by DequantizeLinear, weights are stored as
 * int8 behind a DequantizeLinear, biases as int32. ONNX Runtime fuses a node with the pairs around it into an integer kernel.
 */
import { int } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import { type Graph, type Node, opsetVersion } from '../../graph/model.ts';
import { type QuantParams, weightSteps } from '../numerics.ts';
import type { Placement } from '../place/place.ts';
import { outputsOf, type Unit } from '../place/unit.ts';
import { type StaticRecipe, settingsFor } from '../recipe.ts';
import type { Mark, Marks } from '../verify/fused.ts';
import { type StoredWeight, storeOperand, storeParams, storeWeights, weightOf } from './constants.ts';
import {
  addInitializer,
  type Draft,
  finishDraft,
  newDraft,
  reading,
  type StoredParts,
  type Workshop,
} from './draft.ts';
import { dequantizeToKeepFloat } from './keep-float.ts';

/** Names of a tensor's int8 form and of its float form after rounding. */
type Pair = { readonly quantized: string; readonly dequantized: string };

export type Transformed = {
  readonly graph: Graph;
  readonly marks: Marks;
};

type Choice = Pick<StaticRecipe, 'weight' | 'reduceRange' | 'target' | 'overrides'>;

/** @param graph the main graph, or a body as `mapGraphs` shows it. */
export function toQdq(workshop: Workshop, graph: Graph, placement: Placement, choice: Choice): Transformed {
  const draft = newDraft(workshop, graph, placement);
  const units = new Map(placement.units.map((unit) => [unit.node, unit]));
  const folded = new Set(placement.units.map((unit) => unit.folded));
  const produced = new Set(placement.units.flatMap(outputsOf));
  const pairs = new Map<string, Pair>();
  const marks = new Map<string, Mark>();
  const emitPair = (name: string) => {
    const params = placement.activations.get(name);
    if (params && !produced.has(name) && !pairs.has(name)) pairs.set(name, addPair(draft, name, name, params));
  };
  for (const { name } of graph.inputs) emitPair(name);
  for (const name of valuesFromAround(graph, placement)) emitPair(name);
  for (const node of graph.nodes) {
    if (folded.has(node)) continue;
    const unit = units.get(node);
    if (unit) marks.set(node.name, addUnit(draft, unit, pairs, choice));
    else
      draft.nodes.push(
        reading(node, (name) => (produced.has(name) ? formFor(draft, node, name, pairs, choice) : undefined)),
      );
    for (const output of node.outputs) if (!unit) emitPair(output);
  }
  return { graph: finishDraft(draft), marks };
}

/** What a body reads in int8 from the graphs around it. */
function valuesFromAround(graph: Graph, { activations }: Placement): readonly string[] {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  return [...activations.keys()].filter((name) => !own.has(name));
}

/** What a float node reads. Who asks for a shape only is served by the int8 form, and no float tensor is made for it. */
function formFor(
  draft: Draft,
  node: Node,
  name: string,
  pairs: ReadonlyMap<string, Pair>,
  { target }: Choice,
): string | undefined {
  const pair = pairs.get(name);
  if (!pair || node.opType === 'Shape' || node.opType === 'Size') return pair?.quantized;
  const params = draft.placement.activations.get(name)!;
  const value = { name, quantized: pair.quantized, params, domain: domainFor(params, draft) };
  const own = target === 'tensorrt' ? undefined : dequantizeToKeepFloat(draft, node, value);
  return own ?? pair.dequantized;
}

/** The unit's node on int8 inputs, and the pairs on its outputs. @returns its mark. */
function addUnit(draft: Draft, unit: Unit, pairs: Map<string, Pair>, choice: Choice): Mark {
  if (unit.rule.isWrittenInInt8) return addMover(draft, unit, pairs);
  const inputs = new Map(unit.activations.map((name) => [name, pairs.get(name)!.dequantized]));
  for (const name of unit.constants) inputs.set(name, addConstant(draft, name));
  if (unit.weight) for (const [name, replacement] of addWeights(draft, unit, choice)) inputs.set(name, replacement);
  const names = new Map(outputsOf(unit).map((name) => [name, nameBefore(draft, unit, name)]));
  const node = reading(unit.node, (name) => inputs.get(name));
  draft.nodes.push(...chainOf(draft, node, unit, names, choice));
  if (!unit.quantizesOutput) return { value: names.get(unit.output)!, isQuantized: false };
  for (const [name, before] of names) {
    const params = draft.placement.activations.get(name)!;
    pairs.set(name, addPair(draft, before, name, params, isOutput(draft, name)));
  }
  return { value: pairs.get(unit.output)!.quantized, isQuantized: true };
}

/** TensorRT fuses the Relu that stands before a pair; elsewhere the pair itself is the Relu. */
function chainOf(
  draft: Draft,
  node: Node,
  unit: Unit,
  names: ReadonlyMap<string, string>,
  { target }: Choice,
): readonly Node[] {
  const { folded, output } = unit;
  if (!folded || target !== 'tensorrt') return [withOutputs(node, unit, names)];
  const between = draft.workshop.fresh(`${node.outputs[0]}_unbounded`);
  const inputs = [between, ...folded.inputs.slice(1)];
  return [
    { ...node, outputs: [between] },
    { ...folded, inputs, outputs: [names.get(output)!] },
  ];
}

/** With a folded node, what leaves the unit is that node's output. */
function withOutputs(node: Node, { folded, output }: Unit, names: ReadonlyMap<string, string>): Node {
  const outputs = folded ? [names.get(output)!] : node.outputs.map((name) => names.get(name) ?? name);
  return { ...node, outputs };
}

/** The graph's output keeps its name, so the value before the pair takes another one. */
function nameBefore(draft: Draft, { quantizesOutput }: Unit, name: string): string {
  return quantizesOutput && isOutput(draft, name) ? draft.workshop.fresh(`${name}_float`) : name;
}

function isOutput({ graph }: Draft, name: string): boolean {
  return graph.outputs.some((output) => output.name === name);
}

/** A node that is written on int8 tensors: what it pads with becomes the zero point. */
function addMover(draft: Draft, { node, activations, output }: Unit, pairs: Map<string, Pair>): Mark {
  const [input] = activations;
  const parts = storeParams(draft, output, draft.placement.activations.get(output)!);
  const quantized = draft.workshop.fresh(`${output}_quantized`);
  const dequantized = isOutput(draft, output) ? output : draft.workshop.fresh(`${output}_DequantizeLinear_Output`);
  const [, pads = '', , ...others] = node.inputs;
  const inputs = [pairs.get(input!)!.quantized, pads, parts.zeroPoint, ...others];
  draft.nodes.push(
    { ...node, inputs, outputs: [quantized] },
    makeNode(
      'DequantizeLinear',
      [quantized, parts.scale, parts.zeroPoint],
      [dequantized],
      {},
      `${output}_DequantizeLinear`,
    ),
  );
  pairs.set(output, { quantized, dequantized });
  return { value: quantized, isQuantized: true };
}

/** Q and DQ of the value `source`. @param name the tensor they are named after. */
function addPair(draft: Draft, source: string, name: string, params: QuantParams, keepsName = false): Pair {
  const { scale, zeroPoint } = storeParams(draft, name, params);
  const quantized = draft.workshop.fresh(`${name}_QuantizeLinear_Output`);
  const dequantized = keepsName ? name : draft.workshop.fresh(`${name}_DequantizeLinear_Output`);
  const domain = domainFor(params, draft);
  draft.nodes.push(
    makeNode(`${domain}QuantizeLinear`, [source, scale, zeroPoint], [quantized], {}, `${name}_QuantizeLinear`),
    makeNode(`${domain}DequantizeLinear`, [quantized, scale, zeroPoint], [dequantized], {}, `${name}_DequantizeLinear`),
  );
  return { quantized, dequantized };
}

/** Standard ONNX has 16 bits from operator set 21 on; ONNX Runtime's own operators have them in all. */
function domainFor({ type }: QuantParams, { workshop: { model } }: Draft): string {
  return type.endsWith('16') && (opsetVersion(model) ?? 0) < 21 ? 'com.microsoft:' : '';
}

function addConstant(draft: Draft, name: string): string {
  const parts = storeOperand(draft, name, draft.placement.constants.get(name)!);
  return addDequantize(
    draft,
    name,
    { ...parts, axis: undefined },
    domainFor(draft.placement.constants.get(name)!, draft),
  );
}

/** The weight in int8 and the bias in int32. @returns their float names' replacements. */
function addWeights(draft: Draft, unit: Unit, choice: Choice): Map<string, string> {
  if (choice.target === 'tensorrt') return addRoundedWeight(draft, unit, choice);
  const { weight, bias } = storeWeights(draft, unit, settingsFor(choice, unit.node.name));
  const replacements = new Map([[unit.weight!.name, addDequantize(draft, unit.weight!.name, weight)]]);
  if (bias && unit.bias !== undefined) replacements.set(unit.bias, addDequantize(draft, unit.bias, bias));
  return replacements;
}

/** TensorRT wants float weights behind a pair and float biases. Source: NVIDIA TensorRT, "Explicit Quantization". */
function addRoundedWeight(draft: Draft, { node, weight, activations }: Unit, choice: Choice): Map<string, string> {
  const { name, axis } = weight!;
  const steps = weightSteps(settingsFor(choice, node.name));
  const { scales } = weightOf(draft, name, axis, undefined, activations[0]!, steps);
  const dims = axis === undefined ? [] : [scales.length];
  const scale = addInitializer(draft, `${name}_scale`, { type: 'float32', dims, data: scales });
  const zeros = { type: 'int8', dims, data: new Int8Array(scales.length) } as const;
  const zeroPoint = addInitializer(draft, `${name}_zero_point`, zeros);
  const values = draft.workshop.fresh(`${name}_QuantizeLinear_Output`);
  const attributes = axis === undefined ? {} : { axis: int(axis) };
  draft.nodes.push(makeNode('QuantizeLinear', [name, scale, zeroPoint], [values], attributes, `${values}_node`));
  return new Map([[name, addDequantize(draft, name, { values, scale, zeroPoint, axis })]]);
}

/** @returns the float value's name. */
function addDequantize(draft: Draft, name: string, parts: StoredParts & Partial<StoredWeight>, domain = ''): string {
  const output = draft.workshop.fresh(`${name}_DequantizeLinear_Output`);
  const attributes = parts.axis === undefined ? {} : { axis: int(parts.axis) };
  const inputs = [parts.values, parts.scale, parts.zeroPoint];
  draft.nodes.push(
    makeNode(`${domain}DequantizeLinear`, inputs, [output], attributes, output.replace(/_Output(_*)$/, '$1')),
  );
  return output;
}
