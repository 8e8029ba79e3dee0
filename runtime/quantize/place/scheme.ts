/** How one tensor's range becomes its parameters: asymmetric as a rule, symmetric where the recipe says so. */
import { integerRanges } from '../../graph/integers.ts';
import { type ActivationType, affineParams, type QuantParams, type Range } from '../numerics.ts';
import { type Override, type StaticRecipe, settingsFor } from '../recipe.ts';

/** The parts of a recipe that decide about activations. */
export type ActivationChoice = Pick<StaticRecipe, 'activation' | 'symmetric' | 'target' | 'reduceRange'> & {
  readonly overrides?: readonly Override[];
};

export type Scheme = {
  readonly type: ActivationType;
  readonly isSymmetric: boolean;
  /** What the recipe says the range is, whatever was observed. */
  readonly range: Range | undefined;
};

/** @param node whose output it is, or which reads it first. */
export function schemeFor(choice: ActivationChoice, node: string): Scheme {
  const settings: ActivationChoice & { readonly range?: Range } = settingsFor(choice, node);
  const isForGpu = choice.target === 'tensorrt';
  return {
    type: isForGpu ? 'int8' : settings.activation,
    isSymmetric: isForGpu || settings.symmetric,
    range: settings.range,
  };
}

/** @throws QUANT_RANGE when the range is not one. */
export function paramsOf(range: Range, { type, isSymmetric }: Scheme): QuantParams {
  return isSymmetric ? symmetricParams(range, type) : affineParams(range, type);
}

/**
 * Scale and zero point with zero in the middle: signed types leave their least value out, unsigned ones have 2ⁿ⁻¹ as zero.
 * Source: onnxruntime.quantization 1.30, `get_qrange_for_qType(symmetric=True)`, `compute_scale_zp`.
 */
function symmetricParams(range: Range, type: ActivationType): QuantParams {
  const { min, max } = integerRanges[type];
  const largest = Math.max(Math.abs(Math.min(range.min, 0)), Math.abs(Math.max(range.max, 0)));
  // The scale of ±largest with as many steps as the type has; signed types then give up one of them.
  const { scale } = affineParams({ min: -largest, max: largest }, type);
  if (min === 0) return { type, scale, zeroPoint: (max + 1) / 2 };
  const steps = max - min - 1;
  const exact = Math.fround(2 * Math.fround(largest)) / steps;
  return { type, scale: exact < 2 ** -126 ? 1 : Math.fround(exact), zeroPoint: 0 };
}
