/**
 * Placement: which tensors carry which scale and zero point. A pure function of the units and the observed ranges; the
 * hardware's wish (uint8 or int8 activations) is part of the recipe.
 */
import { OctetError } from '../../base/errors.ts';
import { constantTensor } from '../../graph/initializer.ts';
import { integerRanges } from '../../graph/integers.ts';
import type { Graph } from '../../graph/model.ts';
import type { Float32Values } from '../../graph/quantized-tensor.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type QuantParams, type Range, symmetricScales, weightSteps } from '../numerics.ts';
import { clipBounds } from './clip-bounds.ts';
import { type ActivationChoice, paramsOf, type Scheme, schemeFor } from './scheme.ts';
import { outputsOf, type Unit } from './unit.ts';

export type Placement = {
  readonly units: readonly Unit[];
  /** Computed tensors that become int8, by name. */
  readonly activations: ReadonlyMap<string, QuantParams>;
  /** Constant operands (not weights) that become int8, by name. */
  readonly constants: ReadonlyMap<string, QuantParams>;
  /** Scales of weights that were learned, by name; the others follow from the largest value. */
  readonly weightScales?: WeightScales;
};

export type WeightScales = ReadonlyMap<string, Float32Values>;

export type Ranges = ReadonlyMap<string, Range>;

/** The tensors whose ranges `place` may need, also when some of the units are taken back. */
export function tensorsToObserve(units: readonly Unit[]): readonly string[] {
  return [...new Set(units.flatMap((unit) => [...unit.activations, ...rangesNeededFor(unit)]))];
}

/** Outputs whose range `place` asks for. What a table gives has the table's range. */
function rangesNeededFor({ rule, quantizesOutput, output, activations }: Unit): readonly string[] {
  return quantizesOutput && !(rule.looksUp && activations.length === 0) ? [output] : [];
}

/** @throws QUANT_RANGE for a tensor without a range. */
export function place(graph: Graph, units: readonly Unit[], ranges: Ranges, choice: ActivationChoice): Placement {
  const activations = new Map<string, QuantParams>();
  const constants = new Map<string, QuantParams>();
  const tied = new Set(units.map(({ weight }) => weight?.name));
  for (const unit of units) {
    const scheme = schemeFor(choice, unit.node.name);
    for (const name of unit.activations)
      if (!activations.has(name)) activations.set(name, paramsOf(rangeOf(name, ranges), scheme));
    for (const name of unit.constants)
      constants.set(name, constantParams(constantRange(graph, name), scheme, tied.has(name), weightSteps(choice)));
    if (!unit.quantizesOutput) continue;
    const params = outputParams(unit, graph, (name) => activations.get(name) ?? constants.get(name), ranges, scheme);
    for (const name of outputsOf(unit)) activations.set(name, params);
  }
  return { units, activations, constants };
}

/** A constant that is also somebody's weight (an embedding and the last matrix) gets a weight's parameters, to be stored once. */
function constantParams(range: Range, scheme: Scheme, isWeight: boolean, steps: number): QuantParams {
  if (!isWeight || scheme.type.endsWith('16')) return paramsOf(range, scheme);
  const largest = Math.max(-range.min, range.max);
  const [scale = 1] = symmetricScales(Float32Array.of(largest), steps);
  return { type: scheme.type, scale, zeroPoint: scheme.type === 'uint8' ? 128 : 0 };
}

function outputParams(
  { rule, activations: inputs, constants, folded, output }: Unit,
  graph: Graph,
  known: (name: string) => QuantParams | undefined,
  ranges: Ranges,
  scheme: Scheme,
): QuantParams {
  if (rule.role === 'passThrough') return known(inputs[0] ?? constants[0]!)!;
  const range = scheme.range ?? rule.outputRange ?? rangeOf(output, ranges);
  const bounds = folded && clipBounds(graph, folded);
  return bounds ? foldedParams(range, bounds, scheme) : paramsOf(range, scheme);
}

/**
 * What lies outside a Relu's or Clip's bounds must saturate in the integer, so the representable range has to end there:
 * clamp the range to the bounds, and when the lower one is zero, put the zero point at the type's minimum.
 */
function foldedParams(range: Range, bounds: Range, scheme: Scheme): QuantParams {
  const clamped = { min: Math.max(range.min, bounds.min), max: Math.min(range.max, bounds.max) };
  const params = paramsOf({ min: Math.min(clamped.min, 0), max: Math.max(clamped.max, 0) }, scheme);
  return clamped.min < 0 || scheme.isSymmetric ? params : { ...params, zeroPoint: integerRanges[scheme.type].min };
}

function rangeOf(name: string, ranges: Ranges): Range {
  const range = ranges.get(name);
  if (range) return range;
  throw new OctetError('QUANT_RANGE', `tensor "${name}": expected an observed range, got none`);
}

function constantRange(graph: Graph, name: string): Range {
  const { data } = constantTensor(graph, name) as Tensor<'float32'>;
  return data.reduce<Range>(({ min, max }, value) => ({ min: Math.min(min, value), max: Math.max(max, value) }), {
    min: 0,
    max: 0,
  });
}
