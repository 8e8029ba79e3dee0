/**
 * Placement: which tensors carry which scale and zero point. A pure function of the units and the observed ranges; the
 * hardware's wish (uint8 or int8 activations) is part of the recipe.
 */
import { OctetError } from '../../base/errors.ts';
import { constantTensor } from '../../graph/initializer.ts';
import { integerRanges } from '../../graph/integers.ts';
import type { Graph } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type ActivationType, affineParams, type QuantParams, type Range } from '../numerics.ts';
import { clipBounds } from './clip-bounds.ts';
import type { Unit } from './units.ts';

export type Placement = {
  readonly units: readonly Unit[];
  /** Computed tensors that become int8, by name. */
  readonly activations: ReadonlyMap<string, QuantParams>;
  /** Constant operands (not weights) that become int8, by name. */
  readonly constants: ReadonlyMap<string, QuantParams>;
};

export type Ranges = ReadonlyMap<string, Range>;

/** The tensors whose ranges `place` may need, also when some of the units are taken back. */
export function tensorsToObserve(units: readonly Unit[]): readonly string[] {
  const outputs = units.filter(({ quantizesOutput }) => quantizesOutput).map(({ output }) => output);
  return [...new Set([...units.flatMap(({ activations }) => activations), ...outputs])];
}

/** @throws QUANT_RANGE for a tensor without a range. */
export function place(graph: Graph, units: readonly Unit[], ranges: Ranges, type: ActivationType): Placement {
  const activations = new Map<string, QuantParams>();
  for (const unit of units) {
    for (const name of unit.activations)
      if (!activations.has(name)) activations.set(name, affineParams(rangeOf(name, ranges), type));
    if (unit.quantizesOutput) activations.set(unit.output, outputParams(unit, graph, activations, ranges, type));
  }
  const constants = new Map<string, QuantParams>();
  for (const name of units.flatMap((unit) => unit.constants))
    constants.set(name, affineParams(constantRange(graph, name), type));
  return { units, activations, constants };
}

function outputParams(
  { rule, activations: inputs, folded, output }: Unit,
  graph: Graph,
  known: ReadonlyMap<string, QuantParams>,
  ranges: Ranges,
  type: ActivationType,
): QuantParams {
  if (rule.role === 'passThrough') return known.get(inputs[0]!)!;
  const range = rule.outputRange ?? rangeOf(output, ranges);
  const bounds = folded && clipBounds(graph, folded);
  return bounds ? foldedParams(range, bounds, type) : affineParams(range, type);
}

/**
 * What lies outside a Relu's or Clip's bounds must saturate in the integer, so the representable range has to end there:
 * clamp the range to the bounds, and when the lower one is zero, put the zero point at the type's minimum.
 */
function foldedParams(range: Range, bounds: Range, type: ActivationType): QuantParams {
  const clamped = { min: Math.max(range.min, bounds.min), max: Math.min(range.max, bounds.max) };
  const params = affineParams({ min: Math.min(clamped.min, 0), max: Math.max(clamped.max, 0) }, type);
  return clamped.min < 0 ? params : { ...params, zeroPoint: integerRanges[type].min };
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
