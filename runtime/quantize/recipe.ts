/**
 * A recipe says how a variant is made. It is a plain record, so that it can be stored, sent and repeated: the same recipe
 * on the same model and data gives the same bytes on the same architecture.
 */
import { z } from 'zod';

/** What turns a stream of tensors into a range; each name is an entry of the table in observers.ts. */
export const observerNames = ['min-max', 'moving-average', 'percentile', 'entropy', 'mse'] as const;

const excludeSchema = z
  .array(z.string().min(1))
  .default([])
  .describe('names of nodes that stay float; `*` stands for any text');

const nameSchema = z.string().regex(/^[\w.+-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ . + -');

/** Int8 weights, activations quantised while the model runs: needs no data. Never touches Conv. */
export const dynamicSchema = z.strictObject({
  kind: z.literal('dynamic'),
  name: nameSchema.default('dynamic'),
  weight: z.literal('int8').default('int8'),
  perChannel: z.boolean().default(true),
  exclude: excludeSchema,
});

/** Int8 weights and activations with ranges found beforehand on a calibration set (QuantizeLinear/DequantizeLinear form). */
export const staticSchema = z.strictObject({
  kind: z.literal('static'),
  name: nameSchema.default('static'),
  /** uint8 is fast on x86-64, int8 on ARM; the ranges are asymmetric either way. */
  activation: z.enum(['uint8', 'int8']).default('uint8'),
  /** Symmetric: zero point 0, values -127 to 127. */
  weight: z.literal('int8').default('int8'),
  perChannel: z.boolean().default(true),
  observer: z.enum(observerNames).default('min-max'),
  /** Evens out the channels between neighbouring layers first, which one scale for a whole weight needs (equalize.ts). */
  equalize: z.boolean().default(false),
  /** Moves what a Relu always lets through into the next bias; with or without `equalize` (absorb-bias.ts). */
  absorbBias: z.boolean().default(false),
  /** Scale of a weight: from its largest value, or the one of least squared error (clip-weights.ts). */
  weightRange: z.enum(['min-max', 'mse']).default('min-max'),
  /** Each weight to its nearest step, or all of an output together so that its error on the data is least (reconstruct.ts). */
  rounding: z.enum(['nearest', 'reconstruct']).default('nearest'),
  /** Takes the mean error of each channel out through the bias, layer by layer (correct-bias.ts). */
  biasCorrection: z.boolean().default(false),
  exclude: excludeSchema,
});

export const recipeSchema = z.discriminatedUnion('kind', [dynamicSchema, staticSchema]);

export type ObserverName = (typeof observerNames)[number];
export type Recipe = z.output<typeof recipeSchema>;
export type DynamicRecipe = z.output<typeof dynamicSchema>;
export type StaticRecipe = z.output<typeof staticSchema>;

/** Whether a recipe keeps the node of this name in float. */
export function isExcluded({ exclude }: Pick<Recipe, 'exclude'>, node: string): boolean {
  return exclude.some((pattern) => matches(pattern.split('*'), node));
}

/** Whether `text` consists of the literal parts in order with anything between them. */
function matches(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= text.length - last.length;
}
