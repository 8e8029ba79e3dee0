/**
 * Layer-wise reconstruction: every layer learns alone to give what the float layer gives, all of them in one graph. Each reads
 * the float model's values, rounded, instead of what the layer before it computed, so no gradient goes from layer to
 * layer, and the error of one does not reach the next. The idea: Hubara et al. 2021 (AdaQuant), all layers at once.
 */
import type { Samples } from '../../data/samples.ts';
import { openModel } from '../../engine/open-model.ts';
import { valueInfo } from '../../graph/build.ts';
import type { Model } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import type { Unit } from '../../quantize/place/unit.ts';
import { batchesOf } from '../loop/batches.ts';
import { type TrainOptions, train } from '../loop/train.ts';
import { buildStep } from '../step/build-step.ts';
import { type LossTerm, targetOf } from '../step/losses.ts';
import type { Parameter } from '../step/parameters.ts';
import { cutName, type Simulation } from './simulate.ts';

export type ReconstructOptions = TrainOptions & { readonly batchSize: number; readonly seed: number };

/**
 * @param float the model that is followed; @param simulation of the same graph, layers cut apart.
 * @returns trained values by initializer. Opens sessions.
 */
export async function reconstruct(
  float: Model,
  simulation: Simulation,
  units: readonly Unit[],
  parameters: readonly Parameter[],
  samples: Samples,
  { batchSize, seed, ...options }: ReconstructOptions,
): Promise<ReadonlyMap<string, Tensor<'float32'>>> {
  const { cuts, graph } = simulation;
  const followed = [...new Set(units.filter(({ rule }) => rule.role !== 'passThrough').map(({ output }) => output))];
  const batches = batchesOf(samples, batchSize, seed);
  const first = await batches.feeds(0);
  const names = [...new Set([...cuts, ...followed])];
  const outputs = names.map((name) => valueInfo(name, 'float32'));
  const teacher = await openModel({ ...float, graph: removeUnusedIn({ ...float.graph, outputs }) });
  try {
    const given = (feeds: Feeds, values: Feeds): Feeds => ({
      ...feeds,
      ...Object.fromEntries(cuts.map((name) => [cutName(name), values[name]!])),
    });
    // Of a whole batch these are as large as all activations; new ones at each step would pile up until they are collected.
    const values = await teacher.run(first);
    const terms = followed.map((name) => evenTerm(name, values[name] as Tensor<'float32'>));
    const inputs = cuts.map((name) => valueInfo(cutName(name), 'float32', [...values[name]!.dims]));
    const cut = {
      ...graph,
      inputs: [...graph.inputs, ...inputs],
      outputs: terms.map(({ value }) => valueInfo(value, 'float32')),
    };
    const step = await buildStep({ ...float, graph: cut }, given(first, values), {
      parameters,
      terms,
      optimizer: { kind: 'adamw' },
      running: simulation.running,
    });
    const batch = async (index: number) => {
      const feeds = await batches.feeds(index);
      await teacher.run(feeds, names, values);
      return {
        ...given(feeds, values),
        ...Object.fromEntries(terms.map((term) => [targetOf(term), values[term.value]!])),
      };
    };
    return (await train(step, batch, options)).weights;
  } finally {
    await teacher.close();
  }
}

/** Errors count by their share of the values' own size, so that no layer drowns another. */
function evenTerm(value: string, { data }: Tensor<'float32'>): LossTerm {
  const power = data.reduce((sum, v) => sum + v * v, 0) / Math.max(data.length, 1);
  return { kind: 'mse', value, weight: 1 / Math.max(power, 1e-12) };
}
