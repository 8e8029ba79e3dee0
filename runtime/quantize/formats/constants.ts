/**
 * Weights, biases and other constants as integers. What several nodes read alike is stored once, wherever in the model they are; a
 * weight whose readers need other scales (because a bias would not fit) gets a copy for each.
 */
import { constantTensor } from '../../graph/initializer.ts';
import type { Float32Values } from '../../graph/quantized-tensor.ts';
import { elementTypes, type Tensor } from '../../graph/tensor.ts';
import {
  absoluteMaxima,
  biasScales,
  type QuantParams,
  quantizeBias,
  quantizeTensor,
  quantizeWeight,
  scalesThatFitBias,
  symmetricScales,
  weightSteps,
} from '../numerics.ts';
import type { Unit } from '../place/unit.ts';
import type { StaticRecipe } from '../recipe.ts';
import { addInitializer, type Draft, type StoredParts } from './draft.ts';

/** `axis` undefined: one scale. */
export type StoredWeight = StoredParts & { readonly axis: number | undefined };

/** How the weights of one node are written. */
export type WeightForm = Pick<StaticRecipe, 'weight' | 'reduceRange'>;

/** Shifts a symmetric int8 value to the unsigned type; its zero point is 128 then. */
const unsignedShift = 128;

/** The unit's weight, and its bias in int32 at the scale of its sums. */
export function storeWeights(
  draft: Draft,
  { node, activations, weight, bias }: Unit,
  form: WeightForm,
): { weight: StoredWeight; bias: StoredWeight | undefined } {
  const { name, axis } = weight!;
  const { scales, tensor, floatBias, inputScale } = weightOf(
    draft,
    name,
    axis,
    bias,
    activations[0]!,
    weightSteps(form),
  );
  const values = quantizeWeight(tensor, scales, axis).values;
  const typed = form.weight === 'int8' ? values : unsigned(values);
  const stored = { ...store(draft, node.name, name, typed, scales, axis), axis };
  if (bias === undefined || !floatBias) return { weight: stored, bias: undefined };
  const sums = biasScales(inputScale, scales);
  const quantized = quantizeBias(floatBias.data, sums);
  const biasAxis = axis === undefined ? undefined : 0;
  const biasTensor = { type: 'int32', dims: [quantized.length], data: quantized } as const;
  return { weight: stored, bias: { ...store(draft, node.name, bias, biasTensor, sums, biasAxis), axis: biasAxis } };
}

/** A weight's values, and scales at which its bias fits into int32. @param steps see `weightSteps`. */
export function weightOf(
  draft: Draft,
  name: string,
  axis: number | undefined,
  bias: string | undefined,
  input: string,
  steps: number,
) {
  const inputScale = draft.placement.activations.get(input)!.scale;
  const tensor = constantTensor(draft.graph, name) as Tensor<'float32'>;
  const floatBias = bias === undefined ? undefined : (constantTensor(draft.graph, bias) as Tensor<'float32'>);
  const learned = draft.placement.weightScales?.get(name);
  const ideal = learned ?? symmetricScales(absoluteMaxima(tensor, axis), steps);
  const scales = floatBias ? scalesThatFitBias(ideal, inputScale, floatBias.data) : ideal;
  return { tensor, floatBias, inputScale, scales };
}

/** A constant operand (an embedding's table, the addend of an Add) with its parameters. */
export function storeOperand(draft: Draft, name: string, params: QuantParams): StoredParts {
  const key = keyOf(name, params.type, undefined, [params.scale], params.zeroPoint);
  const known = draft.workshop.stored.get(key);
  if (known) return known;
  const values = quantizeTensor(constantTensor(draft.graph, name) as Tensor<'float32'>, params);
  const { scale, zeroPoint } = storeParams(draft, name, params);
  const parts = { values: addInitializer(draft, `${name}_quantized`, values), scale, zeroPoint };
  draft.workshop.stored.set(key, parts);
  return parts;
}

/** The scale and zero point of a whole tensor. */
export function storeParams(
  draft: Draft,
  name: string,
  { type, scale, zeroPoint }: QuantParams,
): Pick<StoredParts, 'scale' | 'zeroPoint'> {
  const zeros = elementTypes[type].array.of(zeroPoint);
  return {
    scale: addInitializer(draft, `${name}_scale`, { type: 'float32', dims: [], data: Float32Array.of(scale) }),
    // The fusion wants the zero point even when it is 0.
    zeroPoint: addInitializer(draft, `${name}_zero_point`, { type, dims: [], data: zeros } as Tensor),
  };
}

/** A constant in symmetric int8 with these scales. @param user the node that reads it. */
export function storeSymmetric(
  draft: Draft,
  user: string,
  name: string,
  tensor: Tensor<'float32'>,
  scales: Float32Values,
  axis: number | undefined,
): StoredParts {
  return store(draft, user, name, quantizeWeight(tensor, scales, axis).values, scales, axis);
}

function store(
  draft: Draft,
  user: string,
  name: string,
  values: Tensor<'int8' | 'uint8' | 'int32'>,
  scales: Float32Values,
  axis: number | undefined,
): StoredParts {
  const zero = values.type === 'uint8' ? unsignedShift : 0;
  const key = keyOf(name, values.type, axis, scales, zero);
  const known = draft.workshop.stored.get(key);
  if (known) return known;
  const isSecond = [...draft.workshop.stored.keys()].some((other) => other.startsWith(`${name}|`));
  const base = isSecond ? `${user}/${name}` : name;
  const dims = axis === undefined ? [] : [scales.length];
  const zeros = new elementTypes[values.type].array(scales.length).fill(zero);
  const parts = {
    scale: addInitializer(draft, `${base}_scale`, { type: 'float32', dims, data: scales }),
    zeroPoint: addInitializer(draft, `${base}_zero_point`, { type: values.type, dims, data: zeros } as Tensor),
    values: addInitializer(draft, `${base}_quantized`, values),
  };
  draft.workshop.stored.set(key, parts);
  return parts;
}

/** What a stored constant holds: equal keys, equal bytes. */
function keyOf(
  name: string,
  type: string,
  axis: number | undefined,
  scales: Iterable<number>,
  zeroPoint: number,
): string {
  return `${name}|${type}|${axis}|${[...scales].join()}|${zeroPoint}`;
}

function unsigned({ dims, data }: Tensor<'int8'>): Tensor<'uint8'> {
  return { type: 'uint8', dims, data: Uint8Array.from(data, (value) => value + unsignedShift) };
}
