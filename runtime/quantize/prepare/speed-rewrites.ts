/**
 * Rewrites that change no value (but for the rounding of another order of summation) and that make some models faster and some
 * slower: which, only measuring tells. A recipe names those that its model was made with.
 */
import { OctetError } from '../../base/errors.ts';
import { type Dim, type Graph, type Model, type Node, opsetVersion, subgraphsOf } from '../../graph/model.ts';
import { type Rule, rewriteModel } from '../../graph/rewrite.ts';
import { averageSqueezed } from '../../graph/rules/average-squeezed.ts';
import {
  cancelSqueeze,
  conv1dAs2d,
  flattenSqueezed,
  pool1dAs2d,
  sinkSqueeze,
  sinkSqueezes,
} from '../../graph/rules/conv-1d-as-2d.ts';
import { convTransposeAsConv, moveActivationBeforeInterleaving } from '../../graph/rules/conv-transpose-as-conv.ts';
import { foldWidth } from '../../graph/rules/fold-width.ts';
import { fuseAttention } from '../../graph/rules/fuse-attention.ts';
import { fuseLayerNorm } from '../../graph/rules/fuse-layer-norm.ts';
import { mergeConstantAdds } from '../../graph/rules/merge-constant-adds.ts';
import { omitZeroState } from '../../graph/rules/omit-zero-state.ts';
import { elementCount } from '../../graph/tensor.ts';
import { syntheticFeeds } from '../../measure/trial-feeds.ts';
import { modelInputs } from './prepare.ts';
import { type Shapes, shapesOn, withShapes } from './run-shapes.ts';
import { type SpeedRewrite, speedRewriteNames } from './speed-rewrite-names.ts';

/** Fed where the model states no size: it tells a batch from an axis of 1. */
const unstatedSize = 2;
/** Values of an input that are made up to see shapes: 256 MiB of float32. */
const mostMadeUp = 2 ** 26;

export const speedRewrites: Readonly<Record<SpeedRewrite, readonly Rule[]>> = {
  // Preparing alone: it folds what ONNX Runtime's own optimiser leaves, as BatchNorm after Gemm.
  folded: [],
  'fewer-nodes': [omitZeroState, mergeConstantAdds, averageSqueezed],
  'fused-attention': [fuseLayerNorm, fuseAttention],
  'sub-pixel': [convTransposeAsConv, moveActivationBeforeInterleaving],
  // Before conv-2d, which would put a node between the input and the convolution.
  'fold-width': [foldWidth],
  'conv-2d': [conv1dAs2d, pool1dAs2d, sinkSqueezes, sinkSqueeze, cancelSqueeze, flattenSqueezed],
};

/** @param model prepared. Opens a session. @returns the model itself where nothing matches. */
export async function rewriteForSpeed(model: Model, names: readonly SpeedRewrite[]): Promise<Model> {
  const rules = speedRewriteNames.filter((name) => names.includes(name)).flatMap((name) => speedRewrites[name]);
  if (rules.length === 0) return model;
  const before = raiseForLayerNorm(withShapes(model, await shapesOrNone(model)));
  const rewritten = rewriteModel(before, rules);
  if (isSame(rewritten.graph, before.graph)) return model;
  const opsets = new Map(rewritten.opsets);
  if (rewritten.graph.nodes.some(({ domain }) => domain === 'com.microsoft')) opsets.set('com.microsoft', 1);
  return { ...rewritten, opsets, graph: { ...rewritten.graph, valueInfo: model.graph.valueInfo } };
}

/** A model that does not run on made-up input is rewritten only by rules that ask for no shape. */
async function shapesOrNone(model: Model): Promise<Shapes> {
  const sized = (dims: readonly Dim[] | undefined) =>
    dims?.map((size) => (typeof size === 'number' ? size : unstatedSize));
  const inputs = modelInputs(model).map(({ name, type, dims }) => ({ name, type, dims: sized(dims) }));
  // A damaged file may state sizes that no memory holds.
  const isSane = inputs.every(({ dims = [] }) => dims.every((size) => size >= 0) && elementCount(dims) <= mostMadeUp);
  if (!isSane) return new Map();
  try {
    return await shapesOn(model, syntheticFeeds(inputs), true);
  } catch (error) {
    if (error instanceof OctetError) return new Map();
    throw error;
  }
}

/** The driver makes new records of nodes with bodies even where it changes nothing in them. */
function isSame(a: Graph, b: Graph): boolean {
  return a.nodes.length === b.nodes.length && a.nodes.every((node, index) => isSameNode(node, b.nodes[index]!));
}

function isSameNode(a: Node, b: Node): boolean {
  if (a === b) return true;
  const [bodies, others] = [subgraphsOf(a), subgraphsOf(b)];
  const isSameBody = (body: Graph, index: number) => others[index] !== undefined && isSame(body, others[index]);
  return bodies.length > 0 && String(a.inputs) === String(b.inputs) && bodies.every(isSameBody);
}

/** What the operators of set 13 mean, they mean in set 17 too, but for BatchNormalization that is still training. */
function raiseForLayerNorm(model: Model): Model {
  const version = opsetVersion(model) ?? 0;
  if (version < 13 || version >= 17) return model;
  if (model.graph.nodes.some(({ opType }) => opType === 'BatchNormalization')) return model;
  return { ...model, irVersion: Math.max(model.irVersion, 8), opsets: new Map([...model.opsets, ['', 17]]) };
}
