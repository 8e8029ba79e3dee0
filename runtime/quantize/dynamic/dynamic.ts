/**
 * The dynamic recipe: weights in int8, activations quantised while the model runs; needs no data. For MatMul, Gemm and LSTM.
 * Never for Conv, whose ConvInteger kernel is several times slower than float (facts measured on x86-64 and ARM).
 */

import { int } from '../../graph/attributes.ts';
import { float32, node as makeNode } from '../../graph/build.ts';
import type { Model, Node, StoredTensor } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import { elementTypes, type Tensor } from '../../graph/tensor.ts';
import { absoluteMaxima, quantizeWeight, symmetricScales } from '../numerics.ts';
import { operatorRules } from '../place/operators.ts';
import { findShapeNodes } from '../place/shape-nodes.ts';
import { type DynamicRecipe, isExcluded } from '../recipe.ts';
import type { Mark } from '../verify/fused.ts';
import { type Attempt, type Quantized, settle, type TakenBack } from '../verify/settle.ts';
import { type DynamicContext, type DynamicResult, newDynamicContext } from './dynamic-context.ts';
import { lstmToInt8 } from './dynamic-lstm.ts';

/** Operator → emits its int8 form. @returns the value that its integer kernel computes, or why it cannot. */
const dynamicRules: Readonly<Record<string, (node: Node, context: DynamicContext) => DynamicResult>> = {
  MatMul: matMulToInt8,
  Gemm: gemmToInt8,
  LSTM: lstmToInt8,
  Conv: () => ({ refused: 'Conv is slower when its input is quantised while running' }),
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
  const marks = new Map<string, Mark>();
  const floats = new Map<Node, string>();
  for (const node of graph.nodes) {
    const result = shapeNodes.has(node) ? undefined : convert(node, recipe, takenBack, context);
    if (result && 'mark' in result) marks.set(node.name, { value: result.mark, isQuantized: false });
    else nodes.push(node);
    if (result && 'refused' in result) floats.set(node, result.refused);
  }
  const initializers = new Map([...graph.initializers, ...added.map((tensor) => [tensor.name, tensor] as const)]);
  const changed = {
    ...model,
    graph: removeUnusedIn({ ...graph, nodes, initializers }),
    opsets: opsetsFor(model, nodes),
  };
  const unitOf = new Map(graph.nodes.filter(({ name }) => marks.has(name)).map((node) => [node, node.name] as const));
  return { model: changed, marks, unitOf, floats };
}

function opsetsFor({ opsets }: Model, nodes: readonly Node[]): ReadonlyMap<string, number> {
  const isContrib = ({ domain }: Node) => domain === 'com.microsoft';
  return nodes.some(isContrib) ? new Map([...opsets, ['com.microsoft', 1] as const]) : opsets;
}

function convert(node: Node, recipe: DynamicRecipe, takenBack: TakenBack, context: DynamicContext): DynamicResult {
  if (isExcluded(recipe, node.name)) return { refused: 'the recipe excludes it' };
  const reason = takenBack.get(node.name);
  if (reason !== undefined) return { refused: reason };
  const rule = node.domain === '' ? dynamicRules[node.opType] : undefined;
  return rule?.(node, context) ?? { refused: `no int8 kernel for ${node.opType} without calibration` };
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
  const refused = operatorRules.Gemm?.refuses?.(node);
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
  return { mark: output };
}

function transposed({ dims: [rows = 0, columns = 0], data }: Tensor<'float32'>): Tensor<'float32'> {
  return float32(
    [columns, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}
