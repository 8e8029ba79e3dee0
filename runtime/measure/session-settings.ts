/** How a variant is run: what ONNX Runtime lets one choose beside the model. */
import { z } from 'zod';
import type { SessionOptions } from '../engine/session-options.ts';

export const sessionSettingsSchema = z.object({
  threads: z.int().positive().describe('Threads that share one operator.'),
  spinning: z.boolean().describe('Whether idle threads spin instead of sleeping.'),
  arena: z.boolean().describe('Whether freed memory is kept for the next call.'),
  batch: z.int().positive().describe('Samples in one call.'),
});

export type SessionSettings = z.output<typeof sessionSettingsSchema>;

/** What a runner uses, with so many threads. */
export function plainSettings(threads: number): SessionSettings {
  return { threads, spinning: false, arena: true, batch: 1 };
}

export function sessionOptionsFrom({ threads, spinning, arena }: SessionSettings): SessionOptions {
  return { threads, spinning, arena };
}

/** What differs from `usual`, in words: `2 threads, spinning`; empty when nothing does. */
export function settingsText(settings: SessionSettings, usual: SessionSettings): string {
  const { threads, spinning, arena, batch } = settings;
  const parts = [
    threads === usual.threads ? '' : `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    spinning === usual.spinning ? '' : spinning ? 'spinning' : 'not spinning',
    arena === usual.arena ? '' : arena ? 'arena' : 'no arena',
    batch === usual.batch ? '' : `batches of ${batch}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
