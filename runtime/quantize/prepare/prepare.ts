/**
 * From the user's file to the graph that recipes work on: checked to be float, folded by ONNX Runtime's basic optimiser
 * (BatchNorm into Conv, constants) and by our own rules, in a current operator set, every node with a name of its own.
 */
import { OctetError } from '../../base/errors.ts';
import { releaseMemory } from '../../base/release-memory.ts';
import { optimizeModel } from '../../engine/optimize.ts';
import { loadModel } from '../../graph/load.ts';
import type { Model, ValueInfo } from '../../graph/model.ts';
import { type Rule, rewriteModel } from '../../graph/rewrite.ts';
import { encodeModel } from '../../graph/save.ts';
import { allNodes } from '../bodies/map-graphs.ts';
import { uniqueNames } from '../bodies/unique-names.ts';
import { raiseOpset } from './raise-opset.ts';
import { averageByPooling } from './rules/average-by-pooling.ts';
import { foldGemmBatchNorm } from './rules/fold-gemm-batch-norm.ts';
import { moveReluBeforeMaxPool } from './rules/move-relu-before-max-pool.ts';
import { stateTypes } from './state-types.ts';

const quantizedOperator =
  /^(QLinear|Dequantize|Quantize|DynamicQuantize|QGemm|QAttention|MatMulInteger|ConvInteger|MatMulNBits)/;

/** What ONNX Runtime's optimiser leaves undone. */
const rules: readonly Rule[] = [foldGemmBatchNorm, moveReluBeforeMaxPool, averageByPooling];

/** @throws FILE_*, MODEL_INVALID; MODEL_UNSUPPORTED when the model is quantised already. */
export async function prepareModel(path: string): Promise<Model> {
  const source = await checkedSource(path);
  releaseMemory();
  const folded = await optimizeModel(source, 'basic');
  const raised = rewriteModel(raiseOpset(folded), rules);
  return { ...raised, graph: stateTypes(uniqueNames(raised.graph)), opsets: usedOpsets(raised), origin: path };
}

/** What ONNX Runtime is to load: the file, unless it has to be changed first. The model itself is forgotten before it does. */
async function checkedSource(path: string): Promise<string | Uint8Array> {
  const model = await loadModel(path);
  refuseQuantized(model);
  const fixed = fixInitializers(model);
  return fixed === model ? path : encodeModel(fixed);
}

/**
 * Old exporters list every weight among the inputs, too, where it is a default that a caller may replace. Octet never does,
 * and constants can be folded and quantised.
 */
function fixInitializers(model: Model): Model {
  const inputs = modelInputs(model);
  if (inputs.length === model.graph.inputs.length) return model;
  // Before version 4 of the format an initializer had to be an input.
  return { ...model, irVersion: Math.max(model.irVersion, 4), graph: { ...model.graph, inputs } };
}

/** How many nodes compute in, or convert to and from, integers that stand for real numbers. */
export function countQuantized({ graph }: Model): number {
  return allNodes(graph).filter(({ opType }) => quantizedOperator.test(opType)).length;
}

function refuseQuantized(model: Model): void {
  const count = countQuantized(model);
  if (count === 0) return;
  throw new OctetError(
    'MODEL_UNSUPPORTED',
    `${model.origin}: expected a float32 model, got one that is already quantised (${count} such nodes)`,
    { hint: 'Start from the float32 model that it was made from.' },
  );
}

/** ONNX Runtime declares every operator set it knows; only what the nodes use stays. */
function usedOpsets({ graph, opsets }: Model): Map<string, number> {
  const used = new Set(['', ...allNodes(graph).map(({ domain }) => domain)]);
  return new Map([...opsets].filter(([domain]) => used.has(domain)));
}

/** What a prepared model must be fed; an initializer among the inputs is only a default. */
export function modelInputs({ graph }: Model): readonly ValueInfo[] {
  return graph.inputs.filter(({ name }) => !graph.initializers.has(name));
}
