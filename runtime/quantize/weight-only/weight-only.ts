/**
 * The weight-only recipe: matrices in blocks of 2, 4 or 8 bits (MatMulNBits), embeddings in int8; activations stay float between
 * nodes, so no data is needed.
 */
import { int } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import { constantTensor } from '../../graph/initializer.ts';
import type { Graph, Model, Node } from '../../graph/model.ts';
import type { Float32Values } from '../../graph/quantized-tensor.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { mapGraphs } from '../bodies/map-graphs.ts';
import { transposed } from '../dynamic/dynamic.ts';
import { storeSymmetric } from '../formats/constants.ts';
import { withContribOperators } from '../formats/contrib-operators.ts';
import { addInitializer, type Draft, newDraft, newWorkshop, reading, type Workshop } from '../formats/draft.ts';
import { absoluteMaxima, symmetricScales } from '../numerics.ts';
import { operatorRules } from '../place/operators.ts';
import { findShapeNodes } from '../place/shape-nodes.ts';
import { isExcluded, settingsFor, type WeightOnlyRecipe } from '../recipe.ts';
import type { Mark } from '../verify/fused.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from '../verify/settle.ts';
import { packBlocks } from './pack-blocks.ts';

/** The value that shows the kernel, a reason to report in its stead, or why the node stays as it is. */
type Result = { readonly mark: string } | { readonly unpacked: string } | { readonly refused: string };

/** @param model prepared (see prepare.ts). Opens sessions. @throws what ONNX Runtime throws. */
export function quantizeWeights(model: Model, recipe: WeightOnlyRecipe): Promise<Quantized> {
  return settle(model, (takenBack) => attemptWeights(model, recipe, takenBack));
}

function attemptWeights(model: Model, recipe: WeightOnlyRecipe, takenBack: TakenBack): Attempt {
  const workshop = newWorkshop(model);
  const marks = new Map<string, Mark>();
  const floats = new Map<Node, string>();
  const forced = new Map<Node, string>();
  const unitOf = new Map<Node, string>();
  const take = (node: Node, result: Result) => {
    if ('refused' in result) floats.set(node, result.refused);
    else if ('unpacked' in result) forced.set(node, result.unpacked);
    else {
      marks.set(node.name, { value: result.mark, isQuantized: false });
      unitOf.set(node, node.name);
    }
  };
  const changed = mapGraphs(model, (graph) => convertGraph(workshop, graph, recipe, takenBack, take));
  return { model: withContribOperators(changed), marks, unitOf, floats, forced };
}

function convertGraph(
  workshop: Workshop,
  graph: Graph,
  recipe: WeightOnlyRecipe,
  takenBack: TakenBack,
  take: (node: Node, result: Result) => void,
): Graph {
  const draft = newDraft(workshop, graph, { units: [], activations: new Map(), constants: new Map() });
  const shapeNodes = findShapeNodes(graph);
  for (const node of graph.nodes) {
    const rule = node.domain === '' ? weightRules[node.opType] : undefined;
    const reason = isExcluded(recipe, node.name) ? 'the recipe excludes it' : takenBack.get(node.name);
    const result = rule && (reason === undefined ? rule(node, draft, recipe) : { refused: reason });
    if (!result || 'refused' in result) draft.nodes.push(node);
    if (result && !shapeNodes.has(node)) take(node, result);
  }
  const initializers = new Map([...graph.initializers, ...draft.initializers]);
  return removeUnusedIn({ ...graph, nodes: draft.nodes, initializers });
}

type WeightRule = (node: Node, draft: Draft, recipe: WeightOnlyRecipe) => Result;

/** Operator → emits the node with its weights in few bits. Operators without weights are not listed: nothing is to be said of them. */
const weightRules: Readonly<Record<string, WeightRule>> = {
  MatMul: (node, draft, recipe) => toBlocks(node, draft, recipe, floatConstant(draft, node.inputs[1])),
  Gemm: gemmToBlocks,
  Gather: gatherFromInt8,
  Conv: unpack([1], 0),
  ConvTranspose: unpack([1], 1),
  LSTM: unpack([1, 2], 1),
  GRU: unpack([1, 2], 1),
  RNN: unpack([1, 2], 1),
};

const noMatrix = { refused: 'its weights are not a constant float32 matrix' } as const;

function floatConstant({ graph }: Draft, name: string | undefined): Tensor<'float32'> | undefined {
  const tensor = name ? constantTensor(graph, name) : undefined;
  return tensor?.type === 'float32' ? (tensor as Tensor<'float32'>) : undefined;
}

function gemmToBlocks(node: Node, draft: Draft, recipe: WeightOnlyRecipe): Result {
  const refused = operatorRules.Gemm?.refuses?.(node, () => undefined);
  if (refused !== undefined) return { refused };
  const weight = floatConstant(draft, node.inputs[1]);
  const isTransposed = operatorRules.Gemm?.weight?.axis(node, 2) === 0;
  return toBlocks(node, draft, recipe, weight?.dims.length === 2 && isTransposed ? transposed(weight) : weight);
}

/** `MatMul(x, W)` ⇒ `MatMulNBits(x, packed, scales, zero points)`; a Gemm's bias follows as an Add. */
function toBlocks(node: Node, draft: Draft, recipe: WeightOnlyRecipe, weight: Tensor<'float32'> | undefined): Result {
  if (weight?.dims.length !== 2 || weight.data.length === 0) return noMatrix;
  const { bits, blockSize } = settingsFor(recipe, node.name);
  const [x = '', name = '', bias = ''] = node.inputs;
  const [K = 0, N = 0] = weight.dims;
  const { values, scales, zeroPoints } = storeBlocks(draft, node, name, weight, {
    bits,
    blockSize,
    symmetric: recipe.symmetric,
  });
  const product = bias ? draft.workshop.fresh(`${node.outputs[0]}_product`) : node.outputs[0]!;
  const attributes = {
    K: int(K),
    N: int(N),
    bits: int(bits),
    block_size: int(blockSize),
    accuracy_level: int(recipe.accuracyLevel),
  };
  const inputs = [x, values, scales, ...(zeroPoints ? [zeroPoints] : [])];
  draft.nodes.push(makeNode('com.microsoft:MatMulNBits', inputs, [product], attributes, node.name));
  if (bias) draft.nodes.push(makeNode('Add', [product, bias], node.outputs, {}, `${node.name}/bias`));
  return { mark: product };
}

type BlockNames = { readonly values: string; readonly scales: string; readonly zeroPoints: string | undefined };

function storeBlocks(
  draft: Draft,
  node: Node,
  name: string,
  weight: Tensor<'float32'>,
  options: Parameters<typeof packBlocks>[1],
): BlockNames {
  const key = `${name}|${node.opType}|${options.bits}|${options.blockSize}|${weight.dims}`;
  const known = draft.workshop.stored.get(key);
  if (known) return { values: known.values, scales: known.scale, zeroPoints: known.zeroPoint || undefined };
  const packed = packBlocks(weight, options);
  const values = addInitializer(draft, `${name}_packed`, packed.values);
  const scale = addInitializer(draft, `${name}_scale`, packed.scales);
  const zeroPoint = packed.zeroPoints ? addInitializer(draft, `${name}_zero_point`, packed.zeroPoints) : '';
  draft.workshop.stored.set(key, { values, scale, zeroPoint });
  return { values, scales: scale, zeroPoints: zeroPoint || undefined };
}

/** `Gather(T, i)` ⇒ `DequantizeLinear(Gather(Tq, i))`: only the rows that are looked up become float. */
function gatherFromInt8(node: Node, draft: Draft): Result {
  const [name = '', indices = ''] = node.inputs;
  const table = floatConstant(draft, name);
  if (!table || table.dims.length < 2) return { refused: 'it looks up in no constant float32 table' };
  const scales = symmetricScales(absoluteMaxima(table, undefined));
  const { values, scale, zeroPoint } = storeSymmetric(draft, node.name, name, table, scales, undefined);
  const rows = draft.workshop.fresh(`${node.outputs[0]}_quantized`);
  draft.nodes.push(
    { ...node, inputs: [values, indices], outputs: [rows] },
    makeNode('DequantizeLinear', [rows, scale, zeroPoint], node.outputs, {}, `${node.name}/dequantize`),
  );
  return { unpacked: 'its table is int8; the rows that it looks up become float' };
}

/** Weights behind a DequantizeLinear, with one scale for each index of `axis`. */
function unpack(inputs: readonly number[], axis: number): WeightRule {
  return (node, draft, { unpacked }) => {
    if (!unpacked)
      return { refused: 'no kernel takes its weights packed (`unpacked` stores them in int8 all the same)' };
    const names = inputs.map((index) => node.inputs[index] ?? '');
    const tensors = names.map((name) => floatConstant(draft, name));
    if (!tensors.every((tensor) => tensor && tensor.dims.length > axis))
      return { refused: 'its weights are not float32 constants' };
    const replaced = new Map(names.map((name, i) => [name, dequantized(draft, node, name, tensors[i]!, axis)]));
    draft.nodes.push(reading(node, (name) => replaced.get(name)));
    return { unpacked: 'its weights are int8 on disk, and unpacked at each call' };
  };
}

function dequantized(draft: Draft, node: Node, name: string, tensor: Tensor<'float32'>, axis: number): string {
  const scales: Float32Values = symmetricScales(absoluteMaxima(tensor, axis));
  const { values, scale, zeroPoint } = storeSymmetric(draft, node.name, name, tensor, scales, axis);
  const output = draft.workshop.fresh(`${name}_unpacked`);
  draft.nodes.push(makeNode('DequantizeLinear', [values, scale, zeroPoint], [output], { axis: int(axis) }, output));
  return output;
}
