/** How a model is pruned, as a plain record: the same recipe on the same model and data gives the same bytes on the same architecture. */
import { z } from 'zod';
import { costMeasures } from './cost.ts';

export const criteria = ['l1', 'l2', 'taylor', 'random'] as const;

/** What keeps most on the models that docs/prune-a-model.md measures. */
const usualCriterion = { structured: 'taylor', unstructured: 'l1' } as const satisfies Record<
  string,
  (typeof criteria)[number]
>;

const settings = z.strictObject({
  kind: z.literal('prune'),
  name: z.string().min(1).default('pruned'),
  form: z
    .enum(['structured', 'unstructured'])
    .default('structured')
    .describe(
      'structured: whole channels, a smaller dense model; unstructured: single weights to zero, the same size and speed',
    ),
  ratio: z.number().gt(0).lt(1).describe('the share that goes, of what `of` counts; of weights when unstructured'),
  of: z.enum(costMeasures).default('multiply-adds').describe('structured: what the ratio is a share of'),
  scope: z
    .enum(['global', 'layer'])
    .default('layer')
    .describe('the same share of each layer, or the least important anywhere'),
  criterion: z
    .enum(criteria)
    .optional()
    .describe('what makes a channel or a weight important; taylor when structured, else l1'),
  multiple: z.number().int().min(1).max(64).default(8).describe('structured: channels left are a multiple of it'),
  rounds: z.number().int().min(1).max(100).default(1).describe('prune a part, tune, and again'),
  steps: z.number().int().min(0).default(600).describe('of fine-tuning, in all rounds together'),
  batchSize: z.number().int().min(1).default(64),
  learningRate: z.number().gt(0).default(2e-3),
  labelShare: z.number().min(0).max(1).default(0.5).describe('share of the loss that labels get, where there are any'),
  samples: z.number().int().min(1).default(100_000).describe('at most so many of the samples that are not held out'),
  threads: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('of training; the bytes are the same for the same number'),
  seed: z.number().int().min(0).default(1),
  exclude: z.array(z.string().min(1)).default([]).describe('layers that stay whole, by name; `*` stands for any text'),
});

export const pruneSchema = settings
  .refine(({ form, criterion }) => form === 'structured' || criterion !== 'taylor', {
    path: ['criterion'],
    message: 'expected l1, l2 (both by magnitude) or random for single weights',
  })
  .transform((recipe) => ({ ...recipe, criterion: recipe.criterion ?? usualCriterion[recipe.form] }));

export type PruneRecipe = z.output<typeof pruneSchema>;

/** The JSON Schema of a recipe file, for editors and other programs. */
export function pruneJsonSchema(): object {
  return z.toJSONSchema(pruneSchema, { io: 'input' });
}
