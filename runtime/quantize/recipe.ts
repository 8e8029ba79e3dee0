/**
 * A recipe says how a variant is made. It is a plain record, so that it can be stored, sent and repeated: the same recipe
 * on the same model and data gives the same bytes on the same architecture.
 */
import { z } from 'zod';

/** What turns a stream of tensors into a range; each name is an entry of the table in observers.ts. */
export const observerNames = ['min-max', 'moving-average', 'percentile', 'entropy', 'mse'] as const;

const activationType = z.enum(['uint8', 'int8', 'uint16', 'int16']);
const weightType = z.enum(['int8', 'uint8']);
const weightBits = z.union([z.literal(2), z.literal(4), z.literal(8)]);
const blockSize = z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128), z.literal(256)]);

const excludeSchema = z
  .array(z.string().min(1))
  .default([])
  .describe('names of nodes that stay float; `*` stands for any text');

const nameSchema = z.string().regex(/^[\w.+-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ . + -');

/** What some nodes get instead of what the recipe says for all. A setting that the kind of recipe does not have is ignored. */
export const overrideSchema = z.strictObject({
  nodes: z
    .string()
    .min(1)
    .describe('the nodes, by name; `*` stands for any text. The last override that fits a node wins'),
  exclude: z.boolean().optional().describe('true: stays float; false: does not, whatever `exclude` says'),
  activation: activationType.optional().describe('type of its output (and of a model input that it reads first)'),
  observer: z.enum(observerNames).optional().describe('how the range of its output is taken from the data'),
  range: z
    .strictObject({ min: z.number(), max: z.number() })
    .refine(({ min, max }) => min <= max, 'expected min <= max')
    .optional()
    .describe('the range of its output, whatever the data says'),
  weight: weightType.optional(),
  perChannel: z.boolean().optional(),
  reduceRange: z.boolean().optional(),
  bits: weightBits.optional().describe('weight-only: bits for each weight'),
  blockSize: blockSize.optional().describe('weight-only: weights that share a scale'),
});

const reduceRange = z
  .boolean()
  .default(false)
  .describe('weights in 7 bits: x86 processors without VNNI add products in 16 bits, which 8 bits overflow');

const overridesSchema = z.array(overrideSchema).default([]);

/** Int8 weights, activations quantised while the model runs: needs no data. Never touches Conv. */
export const dynamicSchema = z.strictObject({
  kind: z.literal('dynamic'),
  name: nameSchema.default('dynamic'),
  weight: z.literal('int8').default('int8'),
  perChannel: z.boolean().default(true),
  reduceRange,
  exclude: excludeSchema,
  overrides: overridesSchema,
});

/** Int8 weights and activations with ranges found beforehand on a calibration set. */
export const staticSchema = z.strictObject({
  kind: z.literal('static'),
  name: nameSchema.default('static'),
  /** `qdq`: QuantizeLinear/DequantizeLinear pairs that the runtime fuses. `qoperator`: the integer operators themselves. */
  format: z.enum(['qdq', 'qoperator']).default('qdq'),
  /** `tensorrt`: for a Jetson's GPU, whatever this machine's runtime makes of it. Implies symmetric int8 and qdq. */
  target: z.enum(['cpu', 'tensorrt']).default('cpu'),
  /** uint8 is fast on x86-64, int8 on ARM. 16 bits are rounded but computed in float, as the runtime has no kernels for them. */
  activation: activationType.default('uint8'),
  /** Activations: zero point in the middle. Costs half the values after a Relu, which then stays a node of its own. */
  symmetric: z.boolean().default(false),
  /** Symmetric: 255 values around 0 (int8) or 128 (uint8). */
  weight: weightType.default('int8'),
  perChannel: z.boolean().default(true),
  reduceRange,
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
  overrides: overridesSchema,
});

/** Weights in a few bits, activations given in float: for size, and for matrices too large for the cache. Needs no data. */
export const weightOnlySchema = z.strictObject({
  kind: z.literal('weight-only'),
  name: nameSchema.default('weight-only'),
  /** Of matrices; other weights take 8 bits, or stay float. */
  bits: weightBits.default(4),
  /** Weights of one output that share a scale. */
  blockSize: blockSize.default(32),
  /** Zero point in the middle; otherwise one for each block. */
  symmetric: z.boolean().default(true),
  /** What a product may compute in: 0 in float32, 4 in int8, which is several times faster. ONNX Runtime's `accuracy_level`. */
  accuracyLevel: z.union([z.literal(0), z.literal(4)]).default(4),
  /** Weights of convolutions and recurrent layers in int8, too: smaller on disk, unpacked again at each call. */
  unpacked: z.boolean().default(false),
  exclude: excludeSchema,
  overrides: overridesSchema,
});

const qatBits = z.union([z.literal(4), z.literal(6), z.literal(7), z.literal(8)]);

/** What some nodes get in training instead of what the recipe says for all. */
const qatOverrideSchema = overrideSchema
  .pick({ nodes: true, exclude: true, perChannel: true })
  .extend({ weightBits: qatBits.optional(), activationBits: qatBits.optional() });

/**
 * Static int8 whose weights and scales were trained first, with rounding simulated, so that the outputs follow the float model's.
 * Built by runtime/train; the result is a static recipe's graph.
 */
export const qatSchema = z.strictObject({
  kind: z.literal('qat'),
  name: nameSchema.default('qat'),
  activation: z.enum(['uint8', 'int8']).default('uint8'),
  perChannel: z.boolean().default(true),
  /** Where scales start from; `mse` minds the number of bits. */
  observer: z.enum(observerNames).default('mse'),
  /** Fewer are stored in 8 all the same. 7 keep x86 processors without VNNI from saturating; 4 and 6 are for other hardware. */
  weightBits: qatBits.default(8),
  /** Below 8 no kernel of ONNX Runtime saturates where training did, so such a model can be simulated but not written. */
  activationBits: qatBits.default(8),
  /** `learned` (LSQ), `moving-average` of what each batch spans, or `fixed` as observed. */
  scales: z.enum(['learned', 'moving-average', 'fixed']).default('learned'),
  /** Evens out the channels first (equalize.ts); by default where one scale covers a whole weight. */
  equalize: z.boolean().optional(),
  /** First each layer alone towards the float layer, all at once; 0 leaves it out. */
  reconstructionSteps: z.number().int().min(0).default(100),
  /** Then the whole model towards the float model's outputs. */
  steps: z.number().int().min(0).default(300),
  batchSize: z.number().int().min(1).default(64),
  /** Its peak. Default: 0.001 with fewer than 7 bits, 0.0001 where little is lost and little may be moved. */
  learningRate: z.number().positive().optional(),
  /** Share of the loss that labels get, where the data has them. */
  labelShare: z.number().min(0).max(1).default(0),
  temperature: z.number().positive().default(1),
  /** Weight of the mean squared difference of the last inner values. */
  featureWeight: z.number().min(0).default(0),
  /** What the model's first output is; by default `classify` where there are labels or a Softmax at its end. */
  task: z.enum(['classify', 'regress']).optional(),
  seed: z.number().int().min(0).default(1),
  exclude: excludeSchema,
  overrides: z.array(qatOverrideSchema).default([]),
});

export const recipeSchema = z.discriminatedUnion('kind', [dynamicSchema, staticSchema, weightOnlySchema]);

export type ObserverName = (typeof observerNames)[number];
export type Recipe = z.output<typeof recipeSchema>;
export type DynamicRecipe = z.output<typeof dynamicSchema>;
export type StaticRecipe = z.output<typeof staticSchema>;
export type WeightOnlyRecipe = z.output<typeof weightOnlySchema>;
export type QatRecipe = z.output<typeof qatSchema>;
export type Override = z.output<typeof overrideSchema>;

/** Whether a recipe keeps the node of this name in float. */
export function isExcluded(
  { exclude, overrides = [] }: { exclude: readonly string[]; overrides?: readonly Override[] },
  node: string,
): boolean {
  const listed = exclude.some((pattern) => matchesName(pattern, node));
  return settingsFor({ exclude: listed, overrides }, node).exclude ?? listed;
}

/** The recipe's settings for one node: its own, changed by every override that fits, in their order. */
export function settingsFor<R extends { readonly overrides?: readonly Override[] }>(recipe: R, node: string): R {
  const fitting = (recipe.overrides ?? []).filter(({ nodes }) => matchesName(nodes, node));
  return fitting.length === 0
    ? recipe
    : Object.assign({}, recipe, ...fitting.map(({ nodes, ...settings }) => settings));
}

/** Whether a name fits a pattern in which `*` stands for any text. */
export function matchesName(pattern: string, name: string): boolean {
  return matches(pattern.split('*'), name);
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
