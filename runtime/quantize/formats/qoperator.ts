/**
 * Placement → a new graph in QOperator form: the integer operators themselves (QLinearConv, QLinearMatMul, QGemm …), with Quantize and
 * DequantizeLinear only where int8 meets float. Needs no fusing when the model is loaded, and runs at every optimisation level.
 */
import { int } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import { type Attribute, type Graph, type Node, opsetVersion } from '../../graph/model.ts';
import type { Placement } from '../place/place.ts';
import { outputsOf, type Unit } from '../place/unit.ts';
import { type StaticRecipe, settingsFor } from '../recipe.ts';
import type { Mark } from '../verify/fused.ts';
import { type StoredWeight, storeOperand, storeParams, storeWeights } from './constants.ts';
import { type Draft, finishDraft, newDraft, reading, type StoredParts, type Workshop } from './draft.ts';
import { dequantizeToKeepFloat } from './keep-float.ts';
import type { Transformed } from './qdq.ts';

type Choice = Pick<StaticRecipe, 'weight' | 'reduceRange' | 'overrides'>;

/** A tensor in int8 by the names of its parts, and of its float form once somebody needs it. */
type Integer = StoredParts & { float: string | undefined };

/** What an operator's integer form is made of. */
type Parts = {
  readonly node: Node;
  /** Operands in int8: activations, constants, then a weight, in the order of the float node's inputs. */
  readonly operands: readonly StoredParts[];
  readonly bias: string;
  /** Of the output; undefined where it stays float. */
  readonly result: Pick<StoredParts, 'scale' | 'zeroPoint'> | undefined;
  readonly opset: number;
};

type IntegerForm = {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly attributes?: Record<string, Attribute>;
};

/** `values, scale, zero point` of one operand. */
const three = ({ values, scale, zeroPoint }: StoredParts): readonly string[] => [values, scale, zeroPoint];
const ofResult = ({ result }: Parts): readonly string[] => (result ? [result.scale, result.zeroPoint] : []);
const binary =
  (opType: string) =>
  (parts: Parts): IntegerForm => ({
    opType: `com.microsoft:${opType}`,
    inputs: [...parts.operands.flatMap(three), ...ofResult(parts)],
  });
const unary =
  (opType: string, attributes: Record<string, Attribute> = {}) =>
  (parts: Parts): IntegerForm => ({
    ...binary(opType)(parts),
    attributes,
  });

/** Float operator → its integer form. Source: ONNX QLinearConv-10, QLinearMatMul-10; onnxruntime ContribOperators. */
const integerForms: Readonly<Record<string, (parts: Parts) => IntegerForm>> = {
  Conv: (parts) => ({
    opType: 'QLinearConv',
    inputs: [...parts.operands.flatMap(three), ...ofResult(parts), parts.bias],
  }),
  Gemm: (parts) => ({
    opType: 'com.microsoft:QGemm',
    inputs: [...parts.operands.flatMap(three), parts.bias, ...ofResult(parts)],
  }),
  MatMul: (parts) => (parts.result ? { ...binary('')(parts), opType: 'QLinearMatMul' } : matMulToFloat(parts)),
  Add: binary('QLinearAdd'),
  Mul: binary('QLinearMul'),
  Concat: (parts) => ({
    opType: 'com.microsoft:QLinearConcat',
    inputs: [...ofResult(parts), ...parts.operands.flatMap(three)],
  }),
  AveragePool: unary('QLinearAveragePool', { channels_last: int(0) }),
  GlobalAveragePool: unary('QLinearGlobalAveragePool', { channels_last: int(0) }),
  LeakyRelu: unary('QLinearLeakyRelu'),
  Sigmoid: unary('QLinearSigmoid'),
  Softmax: (parts) => unary('QLinearSoftmax', { opset: int(parts.opset) })(parts),
};

function matMulToFloat({ operands: [a, b] }: Parts): IntegerForm {
  const inputs = [a!.values, b!.values, a!.scale, b!.scale, a!.zeroPoint, b!.zeroPoint];
  return { opType: 'com.microsoft:MatMulIntegerToFloat', inputs };
}

/** @param graph the main graph, or a body as `mapGraphs` shows it. */
export function toQOperator(workshop: Workshop, graph: Graph, placement: Placement, choice: Choice): Transformed {
  const draft = newDraft(workshop, graph, placement);
  const units = new Map(placement.units.map((unit) => [unit.node, unit]));
  const folded = new Set(placement.units.map((unit) => unit.folded));
  const integers = new Map<string, Integer>();
  const marks = new Map<string, Mark>();
  for (const node of graph.nodes) {
    if (folded.has(node)) continue;
    const unit = units.get(node);
    if (unit) marks.set(node.name, addUnit(draft, unit, integers, choice));
    else draft.nodes.push(reading(node, (name) => readable(draft, node, name, integers)));
  }
  for (const { name } of graph.outputs) readable(draft, undefined, name, integers);
  return { graph: finishDraft(draft), marks };
}

/** The name under which a float node reads a value that is int8; undefined when the value is float. */
function readable(
  draft: Draft,
  user: Node | undefined,
  name: string,
  integers: ReadonlyMap<string, Integer>,
): string | undefined {
  const integer = integers.get(name);
  if (!integer) return undefined;
  if (user && (user.opType === 'Shape' || user.opType === 'Size')) return integer.values;
  const params = draft.placement.activations.get(name);
  const own = user && params && dequantizeToKeepFloat(draft, user, { name, quantized: integer.values, params });
  if (own) return own;
  if (integer.float === undefined) {
    const { values, scale, zeroPoint } = integer;
    const dequantize = makeNode('DequantizeLinear', [values, scale, zeroPoint], [name], {}, `${name}_DequantizeLinear`);
    draft.nodes.push(dequantize);
    integer.float = name;
  }
  return integer.float;
}

/** A tensor in int8; quantised here when it is the first to be asked for. */
function integerOf(draft: Draft, name: string, integers: Map<string, Integer>): Integer {
  const known = integers.get(name);
  if (known) return known;
  const parts = storeParams(draft, name, draft.placement.activations.get(name)!);
  const values = draft.workshop.fresh(`${name}_QuantizeLinear_Output`);
  const inputs = [name, parts.scale, parts.zeroPoint];
  draft.nodes.push(makeNode('QuantizeLinear', inputs, [values], {}, `${name}_QuantizeLinear`));
  const integer = { values, ...parts, float: name };
  integers.set(name, integer);
  return integer;
}

function addUnit(draft: Draft, unit: Unit, integers: Map<string, Integer>, choice: Choice): Mark {
  const { node, quantizesOutput, output } = unit;
  const stored = unit.weight && storeWeights(draft, unit, settingsFor(choice, node.name));
  const partsFor = (name: string): StoredParts =>
    unit.constants.includes(name)
      ? storeOperand(draft, name, draft.placement.constants.get(name)!)
      : integerOf(draft, name, integers);
  const result = quantizesOutput ? storeParams(draft, output, draft.placement.activations.get(output)!) : undefined;
  const outputs = new Map(
    outputsOf(unit).map((name) => [name, quantizesOutput ? draft.workshop.fresh(`${name}_quantized`) : name]),
  );
  draft.nodes.push(
    unit.rule.role === 'passThrough'
      ? movedInInt8(unit, partsFor, outputs)
      : integerNode(draft, unit, partsFor, stored, result, outputs.get(output)!),
  );
  if (result) for (const [name, values] of outputs) integers.set(name, { values, ...result, float: undefined });
  return { value: outputs.get(output)!, isQuantized: quantizesOutput };
}

function integerNode(
  { workshop: { model } }: Draft,
  { node, weight, activations, constants }: Unit,
  partsFor: (name: string) => StoredParts,
  stored: { weight: StoredWeight; bias: StoredWeight | undefined } | undefined,
  result: Parts['result'],
  output: string,
): Node {
  const isOperand = (name: string) => activations.includes(name) || constants.includes(name) || name === weight?.name;
  const operands = node.inputs
    .filter(isOperand)
    .map((name) => (name === weight?.name ? stored!.weight : partsFor(name)));
  const opset = opsetVersion(model) ?? 0;
  const form = integerForms[node.opType]!({ node, operands, bias: stored?.bias?.values ?? '', result, opset });
  // QGemm has no beta, which is 1 here.
  const kept = [...node.attributes].filter(([name]) => name !== 'beta');
  return makeNode(form.opType, form.inputs, [output], { ...Object.fromEntries(kept), ...form.attributes }, node.name);
}

/** A node that only moves values does so with integers; what it pads with becomes the zero point. */
function movedInInt8(
  { node, activations, constants, rule }: Unit,
  partsFor: (name: string) => StoredParts,
  outputs: ReadonlyMap<string, string>,
): Node {
  const moved = activations[0] ?? constants[0]!;
  const { values, zeroPoint } = partsFor(moved);
  const [, ...others] = node.inputs;
  const rest = rule.isWrittenInInt8 ? [others[0] ?? '', zeroPoint, ...others.slice(2)] : others;
  return { ...node, inputs: [values, ...rest], outputs: node.outputs.map((name) => outputs.get(name) ?? name) };
}
