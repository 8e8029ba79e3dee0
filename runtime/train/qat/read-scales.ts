/** What training left in scales and weights, in the terms that the quantiser takes: ranges, weights on their grid, their scales. */
import { openModel } from '../../engine/open-model.ts';
import { node as makeNode, valueInfo } from '../../graph/build.ts';
import type { Model } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Ranges, WeightScales } from '../../quantize/place/place.ts';
import { withWeights } from '../with-weights.ts';
import type { Simulation } from './simulate.ts';

export type Learned = {
  /** The float model with trained biases, and trained weights on their grid: quantising them with these scales loses nothing. */
  readonly model: Model;
  readonly ranges: Ranges;
  readonly weightScales: WeightScales;
};

/**
 * The simulation itself says what its scales and rounded weights are: trained weights often lie on the edge between two levels,
 * where a last bit that is computed otherwise falls to the other side.
 * @param model that was simulated; @param trained values by initializer of the simulation. Opens a session.
 */
export async function readScales(
  model: Model,
  { graph, activations, weights }: Simulation,
  trained: ReadonlyMap<string, Tensor<'float32'>>,
): Promise<Learned> {
  const wanted = [...activations.values(), ...weights.values()].flatMap((each) =>
    'rounded' in each ? [each.value, each.rounded as string] : [each.value],
  );
  const values = await constantsOf(withWeights({ ...model, graph }, trained), [...new Set(wanted)]);
  const own = new Map([...trained].filter(([name]) => model.graph.initializers.has(name)));
  const rounded = new Map([...weights].map(([name, each]) => [name, values.get(each.rounded)!]));
  const ranges = [...activations].map(
    ([
      name,
      {
        grid: { steps, zeroPoint },
        value,
      },
    ]) => {
      const [scale] = values.get(value)!.data;
      return [name, { min: -zeroPoint * scale!, max: (steps - zeroPoint) * scale! }] as const;
    },
  );
  return {
    model: withWeights(model, new Map([...own, ...rounded])),
    ranges: new Map(ranges),
    weightScales: new Map([...weights].map(([name, { value }]) => [name, values.get(value)!.data])),
  };
}

/** Values that depend on no input. */
async function constantsOf(model: Model, names: readonly string[]): Promise<ReadonlyMap<string, Tensor<'float32'>>> {
  const copies = names.map((name) => makeNode('Identity', [name], [`${name}/read`]));
  const outputs = names.map((name) => valueInfo(`${name}/read`, 'float32'));
  const { graph } = model;
  const graphOfConstants = removeUnusedIn({ ...graph, nodes: [...graph.nodes, ...copies], inputs: [], outputs });
  const config = { 'session.disable_quant_qdq': '1' };
  const session = await openModel({ ...model, graph: graphOfConstants }, { level: 'disabled', config });
  try {
    const values = await session.run({});
    return new Map(names.map((name) => [name, values[`${name}/read`] as Tensor<'float32'>]));
  } finally {
    await session.close();
  }
}
