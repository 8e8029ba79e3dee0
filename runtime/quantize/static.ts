/** The static recipe: weights and activations in int8, with ranges found beforehand. */
import type { Graph, Model, Node } from '../graph/model.ts';
import { mapGraphs, viewGraphs } from './bodies/map-graphs.ts';
import { withContribOperators } from './formats/contrib-operators.ts';
import { newWorkshop } from './formats/draft.ts';
import { toQdq } from './formats/qdq.ts';
import { toQOperator } from './formats/qoperator.ts';
import { type Placement, place, type Ranges, tensorsToObserve, type WeightScales } from './place/place.ts';
import { schemeFor } from './place/scheme.ts';
import type { Unit } from './place/unit.ts';
import { chooseUnits, type UnitChoice } from './place/units.ts';
import type { StaticRecipe } from './recipe.ts';
import type { Mark } from './verify/fused.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from './verify/settle.ts';

const formats = { qdq: toQdq, qoperator: toQOperator } as const satisfies Record<StaticRecipe['format'], unknown>;

/**
 * @param model prepared (see prepare.ts); @param ranges of the tensors that `tensorsFor` named. A unit without them (its
 * branch was never taken) stays float.
 * @param weightScales of weights that were trained with scales of their own (QAT).
 * @throws QUANT_RANGE, and what ONNX Runtime throws. Opens sessions.
 */
export function quantizeStatic(
  model: Model,
  recipe: StaticRecipe,
  ranges: Ranges,
  weightScales?: WeightScales,
): Promise<Quantized> {
  return settle(model, (takenBack) => attemptStatic(model, recipe, ranges, takenBack, weightScales));
}

/** What `quantizeStatic` would do to one graph, without doing it. */
export function placeStatic(graph: Graph, recipe: StaticRecipe, ranges: Ranges, takenBack: TakenBack): Placement {
  return place(graph, chooseObserved(graph, recipe, ranges, takenBack).units, ranges, recipe);
}

/** The tensors whose ranges the recipe needs, in the main graph and in bodies, each with the node whose settings it has. */
export function tensorsFor(model: Model, recipe: StaticRecipe): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const graph of viewGraphs(model))
    for (const unit of chooseUnits(graph, recipe, new Map()).units)
      for (const name of tensorsToObserve([unit])) if (!named.has(name)) named.set(name, unit.node.name);
  return named;
}

function attemptStatic(
  model: Model,
  recipe: StaticRecipe,
  ranges: Ranges,
  takenBack: TakenBack,
  weightScales: WeightScales | undefined,
): Attempt {
  const workshop = newWorkshop(model);
  const marks = new Map<string, Mark>();
  const floats = new Map<Node, string>();
  const unitOf = new Map<Node, string>();
  const forced = new Map<Node, string>();
  const write = formats[recipe.target === 'tensorrt' ? 'qdq' : recipe.format];
  const changed = mapGraphs(model, (graph) => {
    const choice = chooseObserved(graph, recipe, ranges, takenBack);
    for (const [node, reason] of choice.floats) floats.set(node, reason);
    const placement = place(graph, choice.units, ranges, recipe);
    const written = write(workshop, graph, weightScales ? { ...placement, weightScales } : placement, recipe);
    for (const unit of choice.units) {
      const reason = reasonToForce(unit, recipe);
      const mark = written.marks.get(unit.node.name);
      if (reason === undefined && mark) marks.set(unit.node.name, mark);
      for (const node of partsOf(unit))
        if (reason === undefined) unitOf.set(node, unit.node.name);
        else forced.set(node, reason);
    }
    return written.graph;
  });
  return { model: withContribOperators(changed), marks, unitOf, floats, forced };
}

/** The units for which the calibration data gave ranges. */
function chooseObserved(graph: Graph, recipe: StaticRecipe, ranges: Ranges, takenBack: TakenBack): UnitChoice {
  const unobserved = new Map(takenBack);
  for (;;) {
    const choice = chooseUnits(graph, recipe, unobserved);
    const missing = choice.units.filter((unit) => tensorsToObserve([unit]).some((name) => !ranges.has(name)));
    if (missing.length === 0) return choice;
    // At least one unit fewer each time, so this ends.
    for (const { node } of missing) unobserved.set(node.name, 'the calibration data never reached it');
  }
}

/** Why a unit keeps its pairs although this machine's runtime does not compute it in integers. */
function reasonToForce({ node }: Unit, recipe: StaticRecipe): string | undefined {
  if (recipe.target === 'tensorrt') return 'quantised for TensorRT; ONNX Runtime on this machine computes it in float';
  const { type } = schemeFor(recipe, node.name);
  return type.endsWith('16') ? `rounded to ${type}; ONNX Runtime computes it in float` : undefined;
}

function partsOf({ node, folded }: Unit): readonly Node[] {
  return folded ? [node, folded] : [node];
}
