/**
 * `npm run bench:quantize [-- section… model…]`: the quantiser's figures, each beside its target. Words that are no section choose
 * models: `-- latency resnet8`. What `npm run peers` has made takes part where it is there; nothing else is kept between runs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Rows, runSections } from './sections.ts';

/** Rows when they are all there, or each as soon as it is measured. */
type Section = (work: string, models: readonly string[]) => Promise<Rows>;

const sections: Readonly<Record<string, Section>> = {
  latency: async (work, models) => (await import('./quantize/latency.ts')).benchLatency(work, models),
  litert: async (work, models) => (await import('./quantize/litert.ts')).benchLiteRt(work, models),
  memory: async (work, models) => (await import('./quantize/memory.ts')).benchMemory(work, models),
  time: async (work, models) => (await import('./quantize/wall-time.ts')).benchTime(work, models),
  accuracy: async (work, models) => (await import('./quantize/accuracy.ts')).benchAccuracy(work, models),
  large: async (work) => (await import('./quantize/large-model.ts')).benchLarge(work),
};

const words = process.argv.slice(2);
const wanted = words.filter((word) => word in sections);
const models = words.filter((word) => !(word in sections));
const work = await mkdtemp(join(tmpdir(), 'octet-bench-'));
const measure = Object.entries(sections).map(([name, run]) => [name, () => run(work, models)] as const);
try {
  process.exitCode = await runSections(Object.fromEntries(measure), wanted);
} finally {
  await rm(work, { recursive: true, force: true });
}
