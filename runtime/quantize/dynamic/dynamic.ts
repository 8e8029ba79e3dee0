/**
 * The dynamic recipe: weights in int8, activations quantised while the model runs; needs no data. For MatMul, Gemm and LSTM.
 * Never for Conv, whose ConvInteger kernel is several times slower than float (facts measured on x86-64 and ARM).
 */

import { int } from '../../graph/attributes.ts';
import { float32, node as makeNode } from '../../graph/build.ts';
import { type Model, type Node, subgraphsOf } from '../../graph/model.ts';
import { elementTypes, type Tensor } from '../../graph/tensor.ts';
import { mapGraphs } from '../bodies/map-graphs.ts';
import { storeSymmetric } from '../formats/constants.ts';
import { withContribOperators } from '../formats/contrib-operators.ts';
import { finishDraft, newDraft, newWorkshop } from '../formats/draft.ts';
import { absoluteMaxima, quantizeWeight, symmetricScales, weightSteps } from '../numerics.ts';
import { operatorRules } from '../place/operators.ts';
import type { Placement } from '../place/place.ts';
import { findShapeNodes } from '../place/shape-nodes.ts';
import { type DynamicRecipe, isExcluded, settingsFor } from '../recipe.ts';
import type { Mark } from '../verify/fused.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from '../verify/settle.ts';
import { type DynamicContext, type DynamicResult, type DynamicStore, newDynamicContext } from './dynamic-context.ts';
import { gruToInt8 } from './dynamic-gru.ts';
import { lstmToInt8 } from './dynamic-lstm.ts';

/** Operator → emits its int8 form. @returns the value that its integer kernel computes, or why it cannot. */
const dynamicRules: Readonly<Record<string, (node: Node, context: DynamicContext) => DynamicResult>> = {
  MatMul: matMulToInt8,
  Gemm: gemmToInt8,
  LSTM: lstmToInt8,
  Gather: embeddingToInt8,
  GRU: (node, context) =>
    gruToInt8(node, context, (x, base, matrix, output) =>
      emitProduct({ ...node, inputs: [x, base] }, matrix, output, context),
    ),
  Conv: () => ({ refused: 'Conv is slower when its input is quantised while running' }),
};

/** @param model prepared (see prepare.ts). Opens sessions. @throws what ONNX Runtime throws. */
export function quantizeDynamic(model: Model, recipe: DynamicRecipe): Promise<Quantized> {
  return settle(model, (takenBack) => attemptDynamic(model, recipe, takenBack));
}

function attemptDynamic(model: Model, recipe: DynamicRecipe, takenBack: TakenBack): Attempt {
  const workshop = newWorkshop(model);
  const stored: DynamicStore = new Map();
  const marks = new Map<string, Mark>();
  const unitOf = new Map<Node, string>();
  const floats = new Map<Node, string>();
  const forced = new Map<Node, string>();
  const take = (node: Node, result: DynamicResult) => {
    if ('refused' in result) floats.set(node, result.refused);
    else if ('smaller' in result) forced.set(node, result.smaller);
    else {
      marks.set(node.name, { value: result.mark, isQuantized: false });
      unitOf.set(node, node.name);
    }
  };
  const changed = mapGraphs(model, (graph) => {
    const draft = newDraft(workshop, graph, nothingPlaced);
    const context = newDynamicContext(draft, recipe, stored);
    const shapeNodes = findShapeNodes(graph);
    for (const node of graph.nodes) {
      const isOurs = !shapeNodes.has(node) && subgraphsOf(node).length === 0;
      const result = isOurs ? convert(node, recipe, takenBack, context) : undefined;
      if (result) take(node, result);
      if (!result || 'refused' in result) draft.nodes.push(node);
    }
    return finishDraft(draft);
  });
  return { model: withContribOperators(changed), marks, unitOf, floats, forced };
}

const nothingPlaced: Placement = { units: [], activations: new Map(), constants: new Map() };

function convert(node: Node, recipe: DynamicRecipe, takenBack: TakenBack, context: DynamicContext): DynamicResult {
  if (isExcluded(recipe, node.name)) return { refused: 'the recipe excludes it' };
  const reason = takenBack.get(node.name);
  if (reason !== undefined) return { refused: reason };
  const rule = node.domain === '' ? dynamicRules[node.opType] : undefined;
  return rule?.(node, context) ?? { refused: `no int8 kernel for ${node.opType} without calibration` };
}

/** `Gather(T, i)` ⇒ `DequantizeLinear(Gather(Tq, i))`: an embedding in a quarter of the room. */
function embeddingToInt8(node: Node, { draft, weight, emit, fresh }: DynamicContext): DynamicResult {
  const [name = '', ...others] = node.inputs;
  const table = weight(name);
  if (!table || table.dims.length < 2) return { refused: 'no int8 kernel for Gather without calibration' };
  const scales = symmetricScales(absoluteMaxima(table, undefined));
  const { values, scale, zeroPoint } = storeSymmetric(draft, node.name, name, table, scales, undefined);
  const rows = fresh(`${node.outputs[0]}_quantized`);
  emit({ ...node, inputs: [values, ...others], outputs: [rows] });
  emit(makeNode('DequantizeLinear', [rows, scale, zeroPoint], node.outputs, {}, `${node.name}/dequantize`));
  return { smaller: 'its table is int8; the rows that it looks up become float' };
}

const noMatrix = { refused: 'its weights are not a constant float32 matrix' } as const;

/** `MatMul(x, W)` ⇒ `MatMulInteger(xq, Wq) · (xScale · wScale)`, which ONNX Runtime fuses to DynamicQuantizeMatMul. */
function matMulToInt8(node: Node, context: DynamicContext): DynamicResult {
  const weight = context.weight(node.inputs[1]);
  return weight?.dims.length === 2 ? emitProduct(node, weight, node.outputs[0]!, context) : noMatrix;
}

/** `Gemm(x, W, b)` ⇒ the same as MatMul with W laid out as [inputs, outputs], then `Add(b)`. */
function gemmToInt8(node: Node, context: DynamicContext): DynamicResult {
  const weight = context.weight(node.inputs[1]);
  if (weight?.dims.length !== 2) return noMatrix;
  const refused = operatorRules.Gemm?.refuses?.(node, () => undefined);
  if (refused !== undefined) return { refused };
  const isTransposed = operatorRules.Gemm?.weight?.axis(node, 2) === 0;
  const matrix = isTransposed ? transposed(weight) : weight;
  const [, , bias] = node.inputs;
  if (!bias) return emitProduct(node, matrix, node.outputs[0]!, context);
  const product = context.fresh(`${node.outputs[0]}_product`);
  const result = emitProduct(node, matrix, product, context);
  context.emit(makeNode('Add', [product, bias], node.outputs, {}, `${node.name}/bias`));
  return result;
}

function emitProduct(node: Node, weight: Tensor<'float32'>, output: string, context: DynamicContext): DynamicResult {
  const { name, inputs } = node;
  const settings = settingsFor(context.recipe, name);
  const axis = settings.perChannel ? 1 : undefined;
  const steps = weightSteps(settings);
  const stored = context.store(inputs[1]!, `${axis}|${steps}|${weight.dims}`, () => integersOf(weight, axis, steps));
  const [quantized, inputScale, inputZero] = context.quantized(inputs[0]!);
  const [sum, cast, scaling] = ['sum', 'cast', 'scaling'].map((part) => context.fresh(`${output}_${part}`));
  const product = [quantized, stored.quantized, inputZero, stored.zero_point];
  context.emit(makeNode('Mul', [inputScale, stored.scale], [scaling!], {}, `${name}/scaling`));
  context.emit(makeNode('MatMulInteger', product, [sum!], {}, `${name}/integer`));
  const toFloat = { to: int(elementTypes.float32.onnx) };
  context.emit(makeNode('Cast', [sum!], [cast!], toFloat, `${name}/cast`));
  context.emit(makeNode('Mul', [cast!, scaling!], [output], {}, `${name}/scaled`));
  return { mark: output };
}

function integersOf(weight: Tensor<'float32'>, axis: number | undefined, steps: number) {
  const scales = symmetricScales(absoluteMaxima(weight, axis), steps);
  const dims = axis === undefined ? [] : [scales.length];
  return {
    quantized: quantizeWeight(weight, scales, axis).values,
    scale: float32(dims, scales),
    zero_point: { type: 'int8', dims, data: new Int8Array(scales.length) } as const,
  };
}

/** [rows, columns] → [columns, rows]. */
export function transposed({ dims: [rows = 0, columns = 0], data }: Tensor<'float32'>): Tensor<'float32'> {
  return float32(
    [columns, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}
