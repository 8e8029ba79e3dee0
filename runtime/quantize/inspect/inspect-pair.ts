/** A float model and one made from it, side by side: where the error arises, what runs in integers, what that saves. */
import { stat } from 'node:fs/promises';
import type { Samples } from '../../data/samples.ts';
import { loadModel } from '../../graph/load.ts';
import type { Model } from '../../graph/model.ts';
import { fastTypesHere } from '../fast-types.ts';
import type { NodeOutcome } from '../messages.ts';
import { planQuantization } from '../plan.ts';
import { prepareModel } from '../prepare/prepare.ts';
import type { Shapes } from '../prepare/run-shapes.ts';
import { type CompareOptions, type Comparison, compareModels } from './compare-models.ts';
import { type Finding, findFirstFault } from './first-fault.ts';
import { nodeFigures, shapesIfItRuns, sum, totalMultiplyAdds } from './node-figures.ts';
import { outcomesOf } from './outcomes-of.ts';
import { recipeBeside, rescalesChannels } from './recipe-beside.ts';
import { pairTensors } from './tensor-pairs.ts';

export type PairReport = Comparison & {
  readonly floatPath: string;
  readonly quantizedPath: string;
  readonly floatBytes: number;
  readonly quantizedBytes: number;
  readonly finding: Finding;
  readonly outcomes: readonly NodeOutcome[];
  /** Of the multiply-adds of one call, those that run in integers. */
  readonly integerShare: number | null;
};

/**
 * @param samples fit the models' inputs; 32 to 128 are enough for stable figures.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED, DATA_MISMATCH; the signal's reason. Opens sessions.
 */
export async function inspectPair(
  floatPath: string,
  quantizedPath: string,
  samples: Samples,
  options: CompareOptions = {},
): Promise<PairReport> {
  const quantized = await loadModel(quantizedPath);
  const float = await asItWasQuantized(floatPath, quantized);
  const comparison = await compareModels(float, quantized, samples, {
    rescaled: rescalesChannels(await recipeBeside(quantizedPath)),
    ...options,
  });
  const outcomes = await outcomesOf(float, quantized, await reasonsFrom(floatPath));
  const shapes = await shapesIfItRuns(float, await samples.feeds(0));
  return {
    floatPath,
    quantizedPath,
    floatBytes: (await stat(floatPath)).size,
    quantizedBytes: (await stat(quantizedPath)).size,
    ...comparison,
    finding: findFirstFault(comparison.layers, {
      outputSqnrDb: Math.min(...comparison.outputs.map(({ sqnrDb }) => sqnrDb)),
      saturates: fastTypesHere().reduceRange,
    }),
    outcomes,
    integerShare: integerShare(float, shapes, outcomes),
  };
}

/** The file as it is, or as Octet folds it before quantising: whichever has more tensors in common with the result. */
async function asItWasQuantized(path: string, quantized: Model): Promise<Model> {
  const [file, prepared] = [await loadModel(path), await prepareModel(path)];
  const common = ({ graph }: Model) => pairTensors(graph, quantized.graph).length;
  return common(prepared) >= common(file) ? prepared : file;
}

/** Why nodes stay float, as a static recipe would say it. */
async function reasonsFrom(path: string): Promise<ReadonlyMap<string, string>> {
  const plan = await planQuantization(await prepareModel(path));
  return new Map(plan.static.flatMap(({ node, reason }) => (reason === undefined ? [] : [[node, reason] as const])));
}

/** Null when the model has no multiply-adds that can be counted. */
function integerShare(float: Model, shapes: Shapes, outcomes: readonly NodeOutcome[]): number | null {
  const kernels = new Map(outcomes.map(({ node, kernel }) => [node, kernel]));
  const figures = nodeFigures(float, shapes);
  const all = totalMultiplyAdds(figures);
  const inIntegers = figures.filter(({ node }) => kernels.get(node) !== undefined);
  return all ? sum(inIntegers.map(({ multiplyAdds }) => multiplyAdds ?? 0)) / all : null;
}
