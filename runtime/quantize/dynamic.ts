/**
 * The dynamic recipe: weights in int8, activations quantised while the model runs; needs no data. For MatMul, Gemm and LSTM.
 * Never for Conv, whose ConvInteger kernel is several times slower than float (facts measured on x86-64 and ARM).
 */

import { int } from '../graph/attributes.ts';
import { float32, node as makeNode } from '../graph/build.ts';
import type { Model, Node, StoredTensor } from '../graph/model.ts';
import { removeUnusedIn } from '../graph/remove-unused.ts';
import { elementTypes, type Tensor } from '../graph/tensor.ts';
import { type DynamicContext, newDynamicContext } from './dynamic-context.ts';
import { lstmToInt8 } from './dynamic-lstm.ts';
import { absoluteMaxima, quantizeWeight, symmetricScales } from './numerics.ts';
import { operatorRules } from './operators.ts';
import { type DynamicRecipe, isExcluded } from './recipe.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from './settle.ts';
import { findShapeNodes } from './shape-nodes.ts';

/** Operator → emits its int8 form, or says why it cannot. */
const dynamicRules: Readonly<Record<string, (node: Node, context: DynamicContext) => string | undefined>> = {
  MatMul: matMulToInt8,
  Gemm: gemmToInt8,
  LSTM: lstmToInt8,
  Conv: () => 'Conv is slower when its input is quantised while running',
};

/** @param model prepared (see prepare.ts). Opens sessions. @throws what ONNX Runtime throws. */
export function quantizeDynamic(model: Model, recipe: DynamicRecipe): Promise<Quantized> {
  return settle(model, (takenBack) => attemptDynamic(model, recipe, takenBack));
}

function attemptDynamic(model: Model, recipe: DynamicRecipe, takenBack: TakenBack): Attempt {
  const { graph } = model;
  const nodes: Node[] = [];
  const added: StoredTensor[] = [];
  const context = newDynamicContext(graph, recipe, nodes, added);
  const shapeNodes = findShapeNodes(graph);
  const unitOf = new Map<Node, string>();
  const floats = new Map<Node, string>();
  for (const node of graph.nodes) {
    const reason = shapeNodes.has(node) ? 'shape' : (refusal(node, recipe, takenBack) ?? convert(node, context));
    if (reason === undefined) unitOf.set(node, node.name);
    else nodes.push(node);
    if (reason !== undefined && !shapeNodes.has(node)) floats.set(node, reason);
  }
  const initializers = new Map([...graph.initializers, ...added.map((tensor) => [tensor.name, tensor] as const)]);
  const marks = new Map(Array.from(unitOf, ([node, name]) => [name, { value: firstOutput(node), isQuantized: false }]));
  const opsets = new Map([...model.opsets, ['com.microsoft', 1] as const]);
  return {
    model: { ...model, opsets, graph: removeUnusedIn({ ...graph, nodes, initializers }) },
    marks,
    unitOf,
    floats,
  };
}

function refusal({ name }: Node, recipe: DynamicRecipe, takenBack: TakenBack): string | undefined {
  return isExcluded(recipe, name) ? 'the recipe excludes it' : takenBack.get(name);
}

function convert(node: Node, context: DynamicContext): string | undefined {
  const rule = node.domain === '' ? dynamicRules[node.opType] : undefined;
  return rule ? rule(node, context) : `no int8 kernel for ${node.opType} without calibration`;
}

/** `MatMul(x, W)` ⇒ `MatMulInteger(xq, Wq) · (xScale · wScale)`, which ONNX Runtime fuses to DynamicQuantizeMatMul. */
function matMulToInt8(node: Node, context: DynamicContext): string | undefined {
  const weight = context.weight(node.inputs[1]);
  if (weight?.dims.length !== 2) return 'its weights are not a constant float32 matrix';
  emitProduct(node, weight, node.outputs[0]!, context);
  return undefined;
}

/** `Gemm(x, W, b)` ⇒ the same as MatMul with W laid out as [inputs, outputs], then `Add(b)`. */
function gemmToInt8(node: Node, context: DynamicContext): string | undefined {
  const weight = context.weight(node.inputs[1]);
  if (weight?.dims.length !== 2) return 'its weights are not a constant float32 matrix';
  const refused = operatorRules.Gemm?.refuses?.(node);
  if (refused !== undefined) return refused;
  const [, , bias] = node.inputs;
  const isTransposed = operatorRules.Gemm?.weight?.axis(node, 2) === 0;
  const product = bias ? context.fresh(`${node.outputs[0]}_product`) : node.outputs[0]!;
  emitProduct(node, isTransposed ? transposed(weight) : weight, product, context);
  if (bias) context.emit(makeNode('Add', [product, bias], node.outputs, {}, `${node.name}/bias`));
  return undefined;
}

function emitProduct(node: Node, weight: Tensor<'float32'>, output: string, context: DynamicContext): void {
  const { name, inputs } = node;
  const axis = context.recipe.perChannel ? 1 : undefined;
  const scales = symmetricScales(absoluteMaxima(weight, axis));
  const dims = axis === undefined ? [] : [scales.length];
  const base = inputs[1]!;
  const values = context.store(`${base}_quantized`, quantizeWeight(weight, scales, axis).values);
  const scale = context.store(`${base}_scale`, float32(dims, scales));
  const zero = context.store(`${base}_zero_point`, { type: 'int8', dims, data: new Int8Array(scales.length) });
  const [quantized, inputScale, inputZero] = context.quantized(inputs[0]!);
  const [sum, cast, scaling] = ['sum', 'cast', 'scaling'].map((part) => context.fresh(`${output}_${part}`));
  context.emit(makeNode('Mul', [inputScale, scale], [scaling!], {}, `${name}/scaling`));
  context.emit(makeNode('MatMulInteger', [quantized, values, inputZero, zero], [sum!], {}, `${name}/integer`));
  const toFloat = { to: int(elementTypes.float32.onnx) };
  context.emit(makeNode('Cast', [sum!], [cast!], toFloat, `${name}/cast`));
  context.emit(makeNode('Mul', [cast!, scaling!], [output], {}, `${name}/scaled`));
}

function transposed({ dims: [rows = 0, columns = 0], data }: Tensor<'float32'>): Tensor<'float32'> {
  return float32(
    [columns, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}

function firstOutput({ outputs }: Node): string {
  return outputs.find(Boolean)!;
}
