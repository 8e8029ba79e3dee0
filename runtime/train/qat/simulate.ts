/**
 * A placement (what the int8 graph rounds) → the float graph that computes the same: every rounded value is followed by fake
 * quantisation under its own name, every weight of a unit is preceded by it. So the simulation and the exported graph come from one
 * decision.
 */
import { constantTensor } from '../../graph/initializer.ts';
import { integerRanges } from '../../graph/integers.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { dequantize, quantize } from '../../graph/quantized-tensor.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { QuantParams } from '../../quantize/numerics.ts';
import { clipBounds } from '../../quantize/place/clip-bounds.ts';
import type { Placement } from '../../quantize/place/place.ts';
import { outputsOf, type Unit } from '../../quantize/place/unit.ts';
import type { Parameter } from '../step/parameters.ts';
import { graphWriter, type Writer } from '../writer.ts';
import {
  type Scale,
  type ScaleMode,
  type ScaleRegister,
  writeMovingScale,
  writeRounding,
  writeScale,
  writeWeightRounding,
} from './fake-quantise.ts';
import { activationGrid, type Bits, weightScales } from './grid.ts';

export type Simulation = {
  readonly graph: Graph;
  /** Scales that are learned. */
  readonly parameters: readonly Parameter[];
  /** Scales that are averaged, with the values that are their next state. */
  readonly running: ReadonlyMap<string, string>;
  /** Scales by tensor. */
  readonly activations: ReadonlyMap<string, Scale>;
  /** Scales by weight, and the weight's value after rounding. */
  readonly weights: ReadonlyMap<string, Scale & { readonly rounded: string }>;
  /** Rounded values whose users read a rounded input of the name `cutName` instead; only with `cutsLayers`. */
  readonly cuts: readonly string[];
};

export type SimulationChoice = {
  readonly scales: ScaleMode;
  /** @param node of the unit. */
  bits(node: string): Bits;
  /** Every layer reads given values instead of the layer before it, for training each alone. Default false. */
  readonly cutsLayers?: boolean;
};

type Draft = ScaleRegister & {
  readonly write: Writer;
  readonly graph: Graph;
  readonly placement: Placement;
  readonly choice: SimulationChoice;
  readonly activations: Map<string, Scale>;
  readonly weights: Map<string, Scale & { readonly rounded: string }>;
  /** Tensors with the same parameters (through a Reshape, say) have one scale. */
  readonly shared: Map<QuantParams, Scale>;
};

/** The name of a rounded value before it is rounded. */
export function exactName(name: string): string {
  return `${name}/exact`;
}

/** The input that stands for a value where layers are cut apart. */
export function cutName(name: string): string {
  return `${name}/given`;
}

export function simulate(graph: Graph, placement: Placement, choice: SimulationChoice): Simulation {
  const write = graphWriter(graph, 'fake', true);
  const draft: Draft = {
    ...{ write, graph, placement, choice, parameters: [], running: new Map() },
    ...{ activations: new Map(), weights: new Map(), shared: new Map() },
  };
  const names = new Map([...roundConstants(draft), ...roundInputs(draft)]);
  const producers = new Map(placement.units.flatMap((unit) => outputsOf(unit).map((name) => [name, unit] as const)));
  const merged = mergedRelus(graph, placement);
  for (const node of graph.nodes) if (!merged.folded.has(node)) addNode(draft, merged.outputOf(node), names, producers);
  const { parameters, running, activations, weights } = draft;
  const cuts = choice.cutsLayers ? [...activations.keys()].filter((name) => names.get(name) === `${name}/cut`) : [];
  return { graph: write.graph(), parameters, running, activations, weights, cuts };
}

function addNode(draft: Draft, node: Node, names: Map<string, string>, producers: ReadonlyMap<string, Unit>): void {
  const { write, placement } = draft;
  const unit = placement.units.find((each) => each.node.name === node.name);
  const weight = unit?.weight ? roundWeight(draft, unit) : undefined;
  const inputs = node.inputs.map((name) =>
    weight !== undefined && name === unit?.weight?.name ? weight : (names.get(name) ?? name),
  );
  // What only moves rounded values need not round them again.
  const isRounded = (name: string) =>
    placement.activations.has(name) && producers.get(name)?.rule.role !== 'passThrough';
  write.append({ ...node, inputs, outputs: node.outputs.map((name) => (isRounded(name) ? exactName(name) : name)) });
  for (const name of node.outputs.filter(isRounded)) {
    const scale = scaleOf(draft, exactName(name), name, producers.get(name));
    writeRounding(write, exactName(name), scale, name);
    if (!draft.choice.cutsLayers) continue;
    writeRounding(write, cutName(name), scale, `${name}/cut`);
    names.set(name, `${name}/cut`);
  }
  for (const name of node.outputs)
    if (placement.activations.has(name) && !isRounded(name)) scaleOf(draft, name, name, producers.get(name));
}

/** @param input the value before rounding. */
function scaleOf(draft: Draft, input: string, name: string, unit: Unit | undefined): Scale {
  const { write, placement, choice, shared } = draft;
  const params = placement.activations.get(name)!;
  const known = shared.get(params);
  if (known) draft.activations.set(name, known);
  if (known) return known;
  const { scale, ...grid } = activationGrid(params, choice.bits(unit?.node.name ?? '').activationBits);
  const initial = Float32Array.of(scale);
  const made =
    choice.scales === 'moving-average'
      ? writeMovingScale(write, draft, name, input, grid, initial)
      : writeScale(write, draft, name, [], grid, initial, choice.scales === 'learned');
  shared.set(params, made);
  draft.activations.set(name, made);
  return made;
}

function roundWeight(draft: Draft, { node, weight }: Unit): string {
  const { write, graph, choice } = draft;
  const { name, axis } = weight!;
  const tensor = constantTensor(graph, name) as Tensor<'float32'>;
  const { grid, scales } = weightScales(tensor, axis, choice.bits(node.name).weightBits);
  const dims = axis === undefined ? [] : [scales.length];
  const scale = writeScale(write, draft, name, dims, grid, scales, choice.scales === 'learned');
  const rounded = writeWeightRounding(write, name, tensor, axis, scale);
  draft.weights.set(name, { ...scale, rounded });
  return rounded;
}

/** @returns the names that stand for the graph's inputs from now on. */
function roundInputs(draft: Draft): ReadonlyMap<string, string> {
  const { graph, placement, write } = draft;
  const rounded = graph.inputs.filter(({ name }) => placement.activations.has(name));
  return new Map(
    rounded.map(({ name }) => {
      writeRounding(write, name, scaleOf(draft, name, name, undefined), `${name}/rounded`);
      return [name, `${name}/rounded`];
    }),
  );
}

/** Constant operands are rounded once and for all. */
function roundConstants({ graph, placement, write }: Draft): ReadonlyMap<string, string> {
  return new Map(
    [...placement.constants].map(([name, { type, scale, zeroPoint }]) => {
      const params = { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint) };
      const rounded = dequantize(quantize(constantTensor(graph, name) as Tensor<'float32'>, type, params));
      return [name, write.store(`${name}/rounded`, rounded)];
    }),
  );
}

/** A Relu whose clip begins at zero anyway is left out: the clip is the Relu. */
function mergedRelus(graph: Graph, { units, activations }: Placement) {
  const merged = units.filter(({ folded, output }) => {
    const params = activations.get(output);
    const bounds = folded && clipBounds(graph, folded);
    const isRelu = bounds?.min === 0 && bounds.max === Number.POSITIVE_INFINITY;
    return isRelu && params !== undefined && params.zeroPoint === integerRanges[params.type].min;
  });
  const outputs = new Map(merged.map(({ node, output }) => [node, output]));
  return {
    folded: new Set(merged.map(({ folded }) => folded)),
    outputOf(node: Node): Node {
      const output = outputs.get(node);
      return output === undefined ? node : { ...node, outputs: [output] };
    },
  };
}
