/**
 * What happens to samples before and after the model: source → window → features → model → decision. The schema is part
 * of a manifest and therefore signed; preprocessing itself is an ONNX graph (`features.onnx`), not code.
 */
import { z } from 'zod';

export const channelSchema = z.strictObject({
  /** `accelerometer_x`; `pixel`. */
  name: z.string().min(1),
  /** `m/s^2`, `rad/s`, `degC`. */
  unit: z.string(),
  /** So many columns of one kind, where naming each would say nothing: the 27,648 bytes of an image of 96 × 96 × 3. Default 1. */
  count: z
    .int()
    .positive()
    .max(1 << 24)
    .optional(),
});

export const pipelineSchema = z.strictObject({
  /** The columns of a sample, in order. */
  channels: z.array(channelSchema).min(1),
  /** Samples a second. */
  rateHz: z.number().positive(),
  window: z.strictObject({
    /** Samples in one window. */
    samples: z.int().positive(),
    /** Samples from one window's start to the next one's. */
    stride: z.int().positive(),
  }),
});

/** The model's task decides its accuracy metric: classify → top-1. */
export const taskSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('classify'), labels: z.array(z.string().min(1)).min(2) }),
  z.strictObject({ kind: z.literal('regress') }),
  z.strictObject({ kind: z.literal('reconstruct') }),
]);

/** What int8 may cost. */
export const budgetSchema = z.strictObject({
  /** With labels: the largest tolerated net loss of correct decisions, as a share (0.01 = one point). */
  maxDrop: z.number().min(0).max(1).default(0.01),
  /** Without labels: the largest tolerated share of changed decisions. */
  maxDisagreement: z.number().min(0).max(1).default(0.02),
});

export type Pipeline = z.output<typeof pipelineSchema>;

/** Values in one sample. */
export function sampleWidth({ channels }: Pick<Pipeline, 'channels'>): number {
  return channels.reduce((sum, { count = 1 }) => sum + count, 0);
}
export type Task = z.output<typeof taskSchema>;
export type Budget = z.output<typeof budgetSchema>;
